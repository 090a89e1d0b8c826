"""TinyPeople keypoints, crops of 96x72: drawn by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or where the environment variable TINY_PEOPLE points.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'

codec = dict(
    type='MSRAHeatmap',
    input_size=(72, 96),
    heatmap_size=(18, 24),
    sigma=1.5,
    unbiased=True,
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='hrnet_mm.SeedSample'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_factor=30, scale_factor=(0.8, 1.2)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    dataset=dict(
        type='hrnet_mm.TinyPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.TinyPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = dict(val_dataloader)
test_dataloader['dataset'] = dict(
    val_dataloader['dataset'],
    ann_file='annotations/test.json',
    data_prefix=dict(img='images/test/'),
)

val_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/val.json')
test_evaluator = dict(type='CocoMetric', ann_file=f'{data_root}/annotations/test.json')
