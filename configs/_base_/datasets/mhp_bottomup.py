"""MHP v2, 16 keypoints, bottom-up, 512 pixels on the short side; heatmaps at 1/4.

    MHP/annotations/mhp_{train,val}.json  MMPose's documentation
    MHP/{train,val}/images/*.jpg          https://lv-mhp.github.io/dataset

MHP is data/mhp, or the folder in the environment variable MHP.
"""

_base_ = ['coco_bottomup_512_one.py']

data_root = '{{$MHP:data/mhp}}'
dataset_type = 'MhpDataset'
# from the head down; MHP begins with the right ankle
codec = dict(keypoint_order=[9, 8, 7, 13, 12, 6, 3, 2, 14, 11, 15, 10, 4, 1, 5, 0])
data = dict(type='hrnet_mm.Mhp', data_root=data_root)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/mhp_train.json',
        data_prefix=dict(img='train/images/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/mhp_val.json',
        data_prefix=dict(img='val/images/'),
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/mhp_val.json', use_area=False)
test_evaluator = val_evaluator
