"""TinyPeople in crowds, whole images of 192x160: `hrnet-mm tiny-people --crowd`.

The folder is data/tiny_crowd, or the folder in the environment variable TINY_CROWD. Heatmaps
at 1/4 and 1/2; models with one resolution override `codec` with the first only.
"""

data_root = '{{$TINY_CROWD:data/tiny_crowd}}'
dataset_type = 'CocoDataset'  # MMPoseInferencer chooses its detector by this

codec = dict(
    type='hrnet_mm.AssociativeEmbedding',
    input_size=(192, 160),
    heatmap_sizes=[(48, 40), (96, 80)],
    sigma=[1.5, 2.5],
    keypoint_order=[0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16],
)
augment = [
    dict(type='LoadImage'),
    dict(
        type='BottomupRandomAffine',
        input_size=codec['input_size'],
        shift_factor=0.1,
        scale_factor=(0.8, 1.25),
        rotate_factor=15,
        distribution='uniform',
    ),
    dict(type='hrnet_mm.BottomupRandomFlip', direction='horizontal'),
]
mask = dict(type='hrnet_mm.CrowdMask')
target = dict(type='GenerateTarget', encoder=codec)
pack = dict(type='hrnet_mm.PackBottomup')
resize = dict(
    type='BottomupResize',
    input_size=codec['input_size'],
    size_factor=32,
    resize_mode='expand',
)

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    dataset=dict(
        type='hrnet_mm.TinyCrowd',
        data_root=data_root,
        data_mode='bottomup',
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[*augment, target, mask, pack],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.TinyCrowd',
        data_root=data_root,
        data_mode='bottomup',
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True,
        pipeline=[dict(type='LoadImage'), resize, pack],
    ),
)
test_dataloader = dict(val_dataloader)
test_dataloader['dataset'] = dict(
    val_dataloader['dataset'],
    ann_file='annotations/test.json',
    data_prefix=dict(img='images/test/'),
)

val_evaluator = dict(
    type='hrnet_mm.CocoPoseMetric',
    ann_file=f'{data_root}/annotations/val.json',
    nms_mode='none',
    score_mode='bbox',
)
test_evaluator = dict(val_evaluator, ann_file=f'{data_root}/annotations/test.json')
