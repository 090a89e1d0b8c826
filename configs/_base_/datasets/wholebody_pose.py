"""COCO-WholeBody, 133 keypoints of body, feet, face and hands; images of coco_pose.py.

    COCO/annotations/coco_wholebody_{train,val}_v1.0.json  github.com/jin-s13/COCO-WholeBody

COCO is data/coco, or the folder in the environment variable COCO.
"""

_base_ = ['coco_pose.py']

dataset_type = 'CocoWholeBodyDataset'  # MMPoseInferencer chooses its detector by this
train_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoWholeBody',
        ann_file='annotations/coco_wholebody_train_v1.0.json',
    )
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoWholeBody',
        ann_file='annotations/coco_wholebody_val_v1.0.json',
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoWholeBodyMetric',
    ann_file=f'{_base_.data_root}/annotations/coco_wholebody_val_v1.0.json',
)
test_evaluator = val_evaluator
