"""COCO 2017, boxes and masks."""

_base_ = ['coco_det.py']

annotations = dict(_base_.annotations, with_mask=True)
train_pipeline = [_base_.read, annotations, _base_.resize, *_base_.finish]
test_pipeline = [_base_.read, _base_.resize, annotations, _base_.pack_test]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(metric=['bbox', 'segm'])
test_evaluator = val_evaluator
