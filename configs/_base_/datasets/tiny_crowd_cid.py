"""TinyPeople in crowds, CID: heatmaps of each person, at 1/4."""

_base_ = ['tiny_crowd.py']

cid = dict(
    type='hrnet_mm.DecoupledHeatmap', input_size=(192, 160), heatmap_size=(48, 40)
)
codec = dict(_delete_=True, **cid)
target = dict(type='GenerateTarget', encoder=cid)

train_pipeline = [*_base_.augment, target, _base_.mask, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

val_evaluator = dict(nms_mode='oks_nms', nms_thr=0.8, score_mode='keypoint')
test_evaluator = val_evaluator
