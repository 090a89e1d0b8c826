"""VisDrone-DET: file layout, pipelines and data loaders.

    VISDRONE/VisDrone2019-DET-{train,val}/annotations/*.txt   github.com/VisDrone
    VISDRONE/VisDrone2019-DET-{train,val}/images/*.jpg

VISDRONE is data/visdrone, or the folder in the environment variable VISDRONE.
"""

_base_ = ['objects.py']

data_root = '{{$VISDRONE:data/visdrone}}'

# objects are small: images keep about their size
resize = dict(type='Resize', scale=(2000, 1200), keep_ratio=True)
# the metric reads the objects of the samples, also with --tta
pack_test = dict(
    _base_.pack_test,
    meta_keys=(*_base_.pack_test.meta_keys, 'flip', 'flip_direction', 'instances'),
)
look = [_base_.read, resize, _base_.annotations]
mirrored = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
views = dict(type='TestTimeAug', transforms=[mirrored, [pack_test]])
tta_pipeline = [*look, views]

train_dataloader = dict(
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='hrnet_mm.VisDrone',
        data_root=data_root,
        ann_file='VisDrone2019-DET-train/annotations',
        data_prefix=dict(img='VisDrone2019-DET-train/images/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=[_base_.read, _base_.annotations, resize, *_base_.finish],
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.VisDrone',
        data_root=data_root,
        ann_file='VisDrone2019-DET-val/annotations',
        data_prefix=dict(img='VisDrone2019-DET-val/images/'),
        pipeline=[*look, pack_test],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='hrnet_mm.VisDroneMetric', metric='bbox')
test_evaluator = val_evaluator
