"""COCO keypoints, CID, 512 pixels on the short side: heatmaps of each person at 1/4."""

_base_ = ['coco_bottomup.py']

codec = dict(
    type='hrnet_mm.DecoupledHeatmap', input_size=(512, 512), heatmap_size=(128, 128)
)
size = codec['input_size']
affine = dict(_base_.affine, input_size=size, distribution='trunc_norm')
target = dict(type='GenerateTarget', encoder=codec)
resize = dict(_base_.resize, input_size=size)

train_pipeline = [_base_.load, affine, _base_.flip, target, _base_.mask, _base_.pack]

train_dataloader = dict(batch_size=20, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, resize, _base_.pack]))
test_dataloader = val_dataloader

val_evaluator = dict(nms_mode='oks_nms', nms_thr=0.8, score_mode='keypoint')
test_evaluator = val_evaluator
