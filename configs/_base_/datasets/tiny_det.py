"""TinyPeople's boxes, whole images: rendered by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'

read = dict(type='LoadImageFromFile')
annotations = dict(type='hrnet_mm.LoadObjects', with_bbox=True)
# sets scale_factor, which the heads need
same_size = dict(type='Resize', scale_factor=1.0)
finish = [dict(type='RandomFlip', prob=0.5), dict(type='hrnet_mm.PackDetInputs')]
pack_test = dict(type='PackDetInputs')

train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.TinyDet',
        data_root=data_root,
        ann_file='annotations/train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=[read, annotations, *finish],
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.TinyDet',
        data_root=data_root,
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True,
        pipeline=[read, same_size, annotations, pack_test],
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        val_dataloader['dataset'],
        ann_file='annotations/test.json',
        data_prefix=dict(img='images/test/'),
    ),
)

val_evaluator = dict(
    type='hrnet_mm.CocoDetMetric',
    ann_file=f'{data_root}/annotations/val.json',
    metric='bbox',
)
test_evaluator = dict(val_evaluator, ann_file=f'{data_root}/annotations/test.json')
