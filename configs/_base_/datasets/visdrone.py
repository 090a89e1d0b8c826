"""VisDrone-DET: file layout, pipelines and data loaders.

    VISDRONE/VisDrone2019-DET-{train,val}/annotations/*.txt   github.com/VisDrone
    VISDRONE/VisDrone2019-DET-{train,val}/images/*.jpg

VISDRONE is data/visdrone, or the folder in the environment variable VISDRONE.
"""

data_root = '{{$VISDRONE:data/visdrone}}'

read = dict(type='LoadImageFromFile')
annotations = dict(type='hrnet_mm.LoadObjects', with_bbox=True)
# objects are small: images keep about their size
resize = dict(type='Resize', scale=(2000, 1200), keep_ratio=True)
finish = [dict(type='RandomFlip', prob=0.5), dict(type='hrnet_mm.PackDetInputs')]
pack_test = dict(
    type='PackDetInputs',
    meta_keys=(
        'img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances',
    ),
)  # fmt: skip

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='hrnet_mm.VisDrone',
        data_root=data_root,
        ann_file='VisDrone2019-DET-train/annotations',
        data_prefix=dict(img='VisDrone2019-DET-train/images/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=[read, annotations, resize, *finish],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.VisDrone',
        data_root=data_root,
        ann_file='VisDrone2019-DET-val/annotations',
        data_prefix=dict(img='VisDrone2019-DET-val/images/'),
        test_mode=True,
        pipeline=[read, resize, annotations, pack_test],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='hrnet_mm.VisDroneMetric', metric='bbox')
test_evaluator = val_evaluator
