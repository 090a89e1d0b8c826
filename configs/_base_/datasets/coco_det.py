"""COCO 2017, boxes: file layout, pipelines and data loaders.

    COCO/annotations/instances_{train,val}2017.json   cocodataset.org
    COCO/{train,val}2017/*.jpg

COCO is data/coco, or the folder in the environment variable COCO.
"""

data_root = '{{$COCO:data/coco}}'

read = dict(type='LoadImageFromFile')
annotations = dict(type='hrnet_mm.LoadObjects', with_bbox=True)
resize = dict(type='Resize', scale=(1333, 800), keep_ratio=True)
finish = [dict(type='RandomFlip', prob=0.5), dict(type='hrnet_mm.PackDetInputs')]
pack_test = dict(
    type='PackDetInputs',
    meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
)
train_pipeline = [read, annotations, resize, *finish]
test_pipeline = [read, resize, annotations, pack_test]

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
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
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.CocoDet',
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
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
