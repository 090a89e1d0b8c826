"""CMU Panoptic HandDB, 21 keypoints of hands.

    PANOPTIC_HANDS/annotations/{panoptic_train,panoptic_test}.json  MMPose's documentation
    PANOPTIC_HANDS/{hand143_panopticdb/imgs,hand_labels/manual_train,hand_labels/manual_test}/
        http://domedb.perception.cs.cmu.edu/handdb.html

Boxes are tight around the keypoints: crops are wider. PCKh is relative to the size of
the head.

PANOPTIC_HANDS is data/panoptic, or the folder in the environment variable PANOPTIC_HANDS.
"""

_base_ = ['hands.py']

data_root = '{{$PANOPTIC_HANDS:data/panoptic}}'
dataset_type = 'PanopticHand2DDataset'  # MMPoseInferencer chooses its detector by this
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.76)]
augment = [*prepare, _base_.mirror, _base_.turn]
data = dict(
    type='hrnet_mm.PanopticHands', data_root=data_root, data_prefix=dict(img='')
)

train_dataloader = dict(dataset=dict(data, ann_file='annotations/panoptic_train.json'))
val_dataloader = dict(dataset=dict(data, ann_file='annotations/panoptic_test.json'))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.7, norm_item='head'),
    dict(type='AUC'),
    dict(type='EPE'),
]
test_evaluator = val_evaluator
