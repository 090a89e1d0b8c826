"""Pipelines, data loaders and metrics of all data sets with label maps."""

read = dict(type='LoadImageFromFile')
labels = [dict(type='LoadAnnotations'), dict(type='hrnet_mm.CheckLabels')]
load_train = [
    dict(type='hrnet_mm.LoadImageFromFile'),
    dict(type='hrnet_mm.LoadLabels'),
    dict(type='hrnet_mm.CheckLabels'),
]
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackSegInputs')
pack_train = dict(type='hrnet_mm.PackSegInputs')
mirrored = [dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)]
look = [*[[t] for t in labels], [pack]]  # final transforms of TestTimeAug
ratios = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]  # scales of test-time augmentation: --tta

train_dataloader = dict(
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
tta_model = dict(type='hrnet_mm.SegTTAModel')
