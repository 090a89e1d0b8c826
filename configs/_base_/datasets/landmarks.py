"""Face landmarks, crops of 256x256: pipelines and data loaders; wflw.py and others name the data."""

codec = dict(
    type='MSRAHeatmap',
    input_size=(256, 256),
    heatmap_size=(64, 64),
    sigma=2,
)
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
mirror = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='hrnet_mm.RandomFlip', direction='horizontal'),
]
turn = dict(
    type='hrnet_mm.RandomBBoxTransform',
    shift_prob=0,
    rotate_factor=60,
    scale_factor=(0.75, 1.25),
)
turn_less = dict(turn, rotate_factor=30)  # for the official recipes
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack_keypoints = dict(type='hrnet_mm.PackTopdown')
pack = dict(type='PackPoseInputs')

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(data_mode='topdown', pipeline=[*mirror, turn, affine, pack_keypoints]),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        data_mode='topdown', test_mode=True, pipeline=[*prepare, affine, pack]
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='NME', norm_mode='keypoint_distance')
test_evaluator = val_evaluator
