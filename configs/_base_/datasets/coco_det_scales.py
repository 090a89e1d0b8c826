"""COCO 2017, boxes, images of three sizes."""

_base_ = ['coco_det.py']

sizes = dict(
    type='RandomChoiceResize',
    scales=[(1600, 1000), (1000, 600), (1333, 800)],
    keep_ratio=True,
)
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.read, _base_.annotations, sizes, *_base_.finish])
)
