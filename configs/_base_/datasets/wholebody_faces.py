"""Faces of COCO-WholeBody, 68 landmarks.

    COCO/annotations/coco_wholebody_{train,val}_v1.0.json  https://github.com/jin-s13/COCO-WholeBody
    COCO/{train,val}2017/*.jpg                             cocodataset.org

COCO is data/coco, or the folder in the environment variable COCO.
"""

_base_ = ['landmarks.py']

data_root = '{{$COCO:data/coco}}'
dataset_type = (
    'CocoWholeBodyFaceDataset'  # MMPoseInferencer chooses its detector by this
)
data = dict(type='hrnet_mm.CocoWholeBodyFaces', data_root=data_root)
turn = dict(
    type='hrnet_mm.RandomBBoxTransform', rotate_factor=60, scale_factor=(0.75, 1.25)
)

train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data,
        ann_file='annotations/coco_wholebody_train_v1.0.json',
        data_prefix=dict(img='train2017/'),
        pipeline=[*_base_.mirror, turn, _base_.affine, _base_.pack_keypoints],
    ),
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/coco_wholebody_val_v1.0.json',
        data_prefix=dict(img='val2017/'),
    )
)
test_dataloader = val_dataloader
