"""TinyPeople keypoints, crops of 128x96: rendered by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
dataset_type = 'CocoDataset'  # MMPoseInferencer chooses its detector by this

codec = dict(
    type='MSRAHeatmap',
    input_size=(96, 128),
    heatmap_size=(24, 32),
    sigma=1.5,  # mmpose's UDPHeatmap is off by a pixel unless sigma is even
    unbiased=True,
)
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.1)]
augment = [
    dict(type='hrnet_mm.RandomFlip', direction='horizontal'),
    dict(
        type='hrnet_mm.RandomBBoxTransform',
        shift_prob=0,
        rotate_factor=15,
        scale_factor=(0.9, 1.1),
    ),
]
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack_keypoints = dict(type='hrnet_mm.PackTopdown')
pack = dict(type='PackPoseInputs')

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.TinyPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[*prepare, *augment, affine, pack_keypoints],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.TinyPose',
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

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric', ann_file=f'{data_root}/annotations/val.json'
)
test_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric', ann_file=f'{data_root}/annotations/test.json'
)
