"""COCO keypoints, bottom-up, 640 pixels on the short side; heatmaps at 1/4 and 1/2."""

_base_ = ['coco_bottomup.py']

codec = dict(
    type='hrnet_mm.AssociativeEmbedding',
    input_size=(640, 640),
    heatmap_sizes=[(160, 160), (320, 320)],
    sigma=2,
    keypoint_order=_base_.keypoint_order,
)
affine = dict(_base_.affine, input_size=codec['input_size'])
target = dict(type='GenerateTarget', encoder=codec)
resize = dict(_base_.resize, input_size=codec['input_size'])

train_pipeline = [_base_.load, affine, _base_.flip, target, _base_.mask, _base_.pack]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=[_base_.load, resize, _base_.pack]))
test_dataloader = val_dataloader
