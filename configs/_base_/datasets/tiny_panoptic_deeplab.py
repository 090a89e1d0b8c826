"""TinyPeople, panoptic, with the targets of Panoptic-DeepLab. PQ, mIoU and AP of one run."""

_base_ = ['tiny_panoptic.py']

test_pipeline = [
    _base_.read,
    _base_.same_size,
    dict(_base_.annotations, with_bbox=False, with_label=False, with_mask=False),
    _base_.pack_test,
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        pipeline=[
            _base_.read,
            dict(type='hrnet_mm.LoadSegments'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='hrnet_mm.PackPanopticTargets'),
        ]
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

instances = dict(type='hrnet_mm.PanopticInstanceMetric', metric=['bbox', 'segm'])
classes = dict(type='SemSegMetric', iou_metrics=['mIoU'])
val_evaluator = [_base_.val_evaluator, dict(_base_.val_evaluator, **instances), classes]
test_evaluator = [
    _base_.test_evaluator,
    dict(_base_.test_evaluator, **instances),
    classes,
]
