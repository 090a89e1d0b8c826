"""Pipelines without size, and data loaders, of all data sets of objects in whole images."""

read = dict(type='LoadImageFromFile')
annotations = dict(type='hrnet_mm.LoadObjects', with_bbox=True)
finish = [dict(type='RandomFlip', prob=0.5), dict(type='hrnet_mm.PackDetInputs')]
pack_test = dict(
    type='PackDetInputs',
    meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
)

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True),
)
test_dataloader = val_dataloader
