"""TinyPeople's crops, 6 poses: rendered by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
num_classes = 6

augmented = [
    dict(type='LoadImageFromFile'),
    dict(
        type='RandomResizedCrop',
        scale=64,  # files are 96x96; this halves the time
        crop_ratio_range=(0.85, 1.0),  # hands, which tell the pose, are near the border
        aspect_ratio_range=(0.9, 1.1),
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='hrnet_mm.PackInputs'),
]
as_drawn = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    drop_last=True,
    dataset=dict(
        type='hrnet_mm.TinyCls',
        data_root=data_root,
        data_prefix='crops/train',
        pipeline=augmented,
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
