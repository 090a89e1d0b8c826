"""COCO 2017, boxes: file layout, pipelines and data loaders.

    COCO/annotations/instances_{train,val}2017.json   cocodataset.org
    COCO/{train,val}2017/*.jpg

COCO is data/coco, or the folder in the environment variable COCO.
"""

_base_ = ['objects.py']

data_root = '{{$COCO:data/coco}}'

resize = dict(type='Resize', scale=(1333, 800), keep_ratio=True)
train_pipeline = [_base_.read, _base_.annotations, resize, *_base_.finish]
test_pipeline = [_base_.read, resize, _base_.annotations, _base_.pack_test]

train_dataloader = dict(
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='hrnet_mm.CocoDet',
        data_root=data_root,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoDet',
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='hrnet_mm.CocoDetMetric',
    ann_file=f'{data_root}/annotations/instances_val2017.json',
    metric='bbox',
)
test_evaluator = val_evaluator
