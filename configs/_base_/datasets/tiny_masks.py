"""TinyPeople's boxes and masks, whole images."""

_base_ = ['tiny_det.py']

annotations = dict(_base_.annotations, with_mask=True)
train_pipeline = [_base_.read, annotations, *_base_.finish]
test_pipeline = [_base_.read, _base_.same_size, annotations, _base_.pack_test]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

val_evaluator = dict(metric=['bbox', 'segm'])
test_evaluator = dict(metric=['bbox', 'segm'])
