"""Crops of instances: pipelines without size and codec, and data loaders, for animals.py, hands.py and landmarks.py."""

prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
mirror = dict(type='hrnet_mm.RandomFlip', direction='horizontal')

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(data_mode='topdown'),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(data_mode='topdown', test_mode=True),
)
test_dataloader = val_dataloader
