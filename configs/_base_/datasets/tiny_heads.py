"""Heads of TinyPeople, five landmarks, crops of 64x64: `hrnet-mm tiny-people`.

The folder is data/tiny_people, or where the environment variable TINY_PEOPLE points.
NME is by the distance between the ears.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
dataset_type = 'CocoDataset'  # MMPoseInferencer picks its detector by it

codec = dict(
    type='MSRAHeatmap',
    input_size=(64, 64),
    heatmap_size=(16, 16),
    sigma=1,
    unbiased=True,
)
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.1)]
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack = dict(type='PackPoseInputs')

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    dataset=dict(
        type='hrnet_mm.TinyHeads',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='hrnet_mm.SeedSample'),
            dict(type='GetBBoxCenterScale', padding=1.1),
            dict(type='RandomFlip', direction='horizontal'),
            dict(
                type='RandomBBoxTransform',
                shift_prob=0,
                rotate_factor=15,
                scale_factor=(0.9, 1.1),
            ),
            affine,
            dict(type='GenerateTarget', encoder=codec),
            pack,
        ],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.TinyHeads',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True,
        pipeline=[*prepare, affine, pack],
    ),
)
test_dataloader = dict(val_dataloader)
test_dataloader['dataset'] = dict(
    val_dataloader['dataset'],
    ann_file='annotations/test.json',
    data_prefix=dict(img='images/test/'),
)

val_evaluator = dict(type='NME', norm_mode='keypoint_distance', keypoint_indices=[3, 4])
test_evaluator = val_evaluator
