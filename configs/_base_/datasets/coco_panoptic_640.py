"""COCO 2017 panoptic for Panoptic-DeepLab: crops of 640x640 at 0.5 to 1.5 times the size.

Tests are in 640x640, the longer side of the image. PQ, mIoU and AP of one run.
"""

_base_ = ['coco_panoptic.py']

things_and_stuff = dict(num_things_classes=80, num_stuff_classes=53)
crop_size = (640, 640)
# ImageNet's mean, in the order that images are loaded; ids of segments are padded by 0
padding = dict(img=(104, 116, 124), seg=0)

train_pipeline = [
    _base_.read,
    dict(type='hrnet_mm.LoadSegments'),
    dict(
        type='RandomChoiceResize',
        scales=[(960, 64 * tenths) for tenths in range(5, 16)],
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='Pad', size=crop_size, pad_val=padding),
    dict(type='RandomFlip', prob=0.5),
    dict(type='hrnet_mm.PackPanopticTargets'),
]
test_pipeline = [
    _base_.read,
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(
        type='hrnet_mm.LoadPanopticObjects',
        with_bbox=False,
        with_label=False,
        with_mask=False,
    ),
    _base_.pack_test,
]

train_dataloader = dict(
    batch_size=8,
    drop_last=True,
    batch_sampler=None,  # crops have one size
    dataset=dict(filter_cfg=None, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

truth = dict(
    ann_file=_base_.val_evaluator.ann_file, seg_prefix=_base_.val_evaluator.seg_prefix
)
val_evaluator = [
    dict(truth, type='hrnet_mm.CocoPanopticMetric'),
    dict(truth, type='hrnet_mm.PanopticInstanceMetric', metric=['bbox', 'segm']),
    dict(type='SemSegMetric', iou_metrics=['mIoU']),
]
test_evaluator = val_evaluator
