"""DeepFashion, landmarks of clothes; deepfashion_full_pose.py and others name the files.

    DEEPFASHION/annotations/fld_{full,lower,upper}_{train,val,test}.json
        MMPose's documentation
    DEEPFASHION/img/...  http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/LandmarkDetection.html

DEEPFASHION is data/fld, or the folder in the environment variable DEEPFASHION.
"""

_base_ = ['coco_pose.py']

data_root = '{{$DEEPFASHION:data/fld}}'
dataset_type = 'DeepFashionDataset'
data = dict(
    type='hrnet_mm.DeepFashion', data_root=data_root, data_prefix=dict(img='img/')
)
augment = [*_base_.augment[:3], _base_.augment[-1]]  # no half bodies

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=dict(data, bbox_file=None))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.2),
    dict(type='AUC'),
    dict(type='EPE'),
]
test_evaluator = val_evaluator
