"""COCO-Stuff 10K, 171 classes: crops of 520x520.

    COCO_STUFF/images/{train,test}2014/*.jpg                          nightrome/cocostuff10k
    COCO_STUFF/annotations/{train,test}2014/*_labelTrainIds.png
        made by mmsegmentation's tools/dataset_converters/coco_stuff10k.py; 0 is unlabelled

COCO_STUFF is data/coco_stuff10k, or the folder in the environment variable COCO_STUFF.
"""

_base_ = ['scenes_520.py']

data_root = '{{$COCO_STUFF:data/coco_stuff10k}}'
num_classes = 171
crop_size = (520, 520)

train_pipeline = [
    *_base_.load_train,
    _base_.resize,
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.flip,
    _base_.pack_train,
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='hrnet_mm.CocoStuffSeg',
        data_root=data_root,
        reduce_zero_label=True,
        data_prefix=dict(
            img_path='images/train2014', seg_map_path='annotations/train2014'
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoStuffSeg',
        data_root=data_root,
        reduce_zero_label=True,
        data_prefix=dict(
            img_path='images/test2014', seg_map_path='annotations/test2014'
        ),
    ),
)
test_dataloader = val_dataloader
