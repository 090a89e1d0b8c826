"""TinyPeople's crops, 6 poses: drawn by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or where the environment variable TINY_PEOPLE points.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
num_classes = 6

read = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),  # of 96x96: half the time
]
pack = dict(type='PackInputs')

train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='hrnet_mm.TinyCls',
        data_root=data_root,
        data_prefix='crops/train',
        pipeline=[
            dict(type='hrnet_mm.SeedSample'),
            *read,
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            pack,
        ],
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
        pipeline=[*read, pack],
    ),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], data_prefix='crops/test')
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator
