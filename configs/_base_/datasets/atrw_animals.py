"""ATRW, 15 keypoints of tigers.

    ATRW/annotations/{keypoint_train,keypoint_val}.json  MMPose's documentation
    ATRW/images/{train,val}/  https://cvwc2019.github.io/challenge.html

ATRW is data/atrw, or the folder in the environment variable ATRW.
"""

_base_ = ['animals.py']

data_root = '{{$ATRW:data/atrw}}'
dataset_type = 'ATRWDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Atrw', data_root=data_root)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/keypoint_train.json',
        data_prefix=dict(img='images/train/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/keypoint_val.json',
        data_prefix=dict(img='images/val/'),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/keypoint_val.json',
)
test_evaluator = val_evaluator
