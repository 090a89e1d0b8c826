"""COCO 2017 panoptic, with images of several sizes: the short side has 640 to 800 pixels."""

_base_ = ['coco_panoptic.py']

train_pipeline = [
    _base_.read,
    _base_.annotations,
    dict(type='RandomResize', scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    *_base_.finish,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
