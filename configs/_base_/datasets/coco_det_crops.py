"""COCO 2017, boxes, crops of 1200x800 from images of three sizes."""

_base_ = ['coco_det.py']

crops = [
    dict(
        type='RandomChoiceResize',
        scales=[(1400, 600), (1400, 800), (1400, 1000)],
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=(1200, 800)),
]
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.read, _base_.annotations, *crops, *_base_.finish])
)
