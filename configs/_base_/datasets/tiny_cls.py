"""TinyPeople's crops, 6 poses: drawn by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or where the environment variable TINY_PEOPLE points.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
num_classes = 6

seed = [dict(type='hrnet_mm.SeedSample'), dict(type='LoadImageFromFile')]
resize = dict(type='Resize', scale=(64, 64))  # of 96x96: half the time
flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
pack = dict(type='PackInputs')

easy = [*seed, resize, flip, pack]
# A pose has no colour, and is where the figure is.
augmented = [
    *seed,
    dict(
        type='RandomResizedCrop',
        scale=64,
        crop_ratio_range=(0.7, 1.0),
        aspect_ratio_range=(0.9, 1.1),
    ),
    flip,
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5),
    dict(type='RandomGrayscale', prob=0.3, keep_channels=True),
    pack,
]
# Augmented from the first step, nothing is learned for two epochs.
augment_later = dict(
    type='SwitchRecipeHook',
    schedule=[dict(action_epoch=3, train_pipeline=augmented)],
)
as_drawn = [dict(type='LoadImageFromFile'), resize, pack]

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='hrnet_mm.TinyCls',
        data_root=data_root,
        data_prefix='crops/train',
        pipeline=easy,
    ),
)
val_dataloader = dict(
    batch_size=50,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.TinyCls',
        data_root=data_root,
        data_prefix='crops/val',
        pipeline=as_drawn,
    ),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], data_prefix='crops/test')
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
