"""Cityscapes with the augmentation of MMSegmentation, including colour distortion."""

_base_ = ['cityscapes.py']

train_pipeline = [
    *_base_.load_train,
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='hrnet_mm.RandomCrop', crop_size=_base_.crop_size, cat_max_ratio=0.75),
    _base_.flip,
    dict(type='hrnet_mm.PhotoMetricDistortion'),
    _base_.pack_train,
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
