"""Loaders of images with the labels of several tasks."""

read = dict(type='LoadImageFromFile')

train_dataloader = dict(
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(type='hrnet_mm.SameImages'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='hrnet_mm.SameImages'),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='hrnet_mm.TaskEvaluator')
test_evaluator = val_evaluator
