"""COCO 2017, boxes, images of two sizes, four per GPU, for FCOS."""

_base_ = ['coco_det_fcos.py']

sizes = dict(
    type='RandomChoiceResize', scales=[(1333, 640), (1333, 800)], keep_ratio=True
)
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.read, _base_.annotations, sizes, *_base_.finish])
)
