"""COCO-WholeBody, 21 keypoints of the hands of people.

    COCO/annotations/coco_wholebody_{train,val}_v1.0.json  https://github.com/jin-s13/COCO-WholeBody
    COCO/{train,val}2017/*.jpg                             cocodataset.org

COCO is data/coco, or the folder in the environment variable COCO.
"""

_base_ = ['hands.py']

data_root = '{{$COCO:data/coco}}'
dataset_type = (
    'CocoWholeBodyHandDataset'  # MMPoseInferencer chooses its detector by this
)
data = dict(type='hrnet_mm.CocoWholeBodyHands', data_root=data_root)

train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data,
        ann_file='annotations/coco_wholebody_train_v1.0.json',
        data_prefix=dict(img='train2017/'),
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
