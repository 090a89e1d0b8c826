"""COCO keypoints, bottom-up, 640 pixels on the short side; maps at 1/4 and 1/2."""

_base_ = ['coco_bottomup.py']

codec = dict(
    type='hrnet_mm.AssociativeEmbedding',
    input_size=(640, 640),
    heatmap_sizes=[(160, 160), (320, 320)],
    sigma=2,
    keypoint_order=_base_.keypoint_order,
)
load = [dict(type='LoadImage'), dict(type='hrnet_mm.SeedSample')]
augment = [dict(_base_.affine, input_size=codec['input_size']), _base_.flip]
target = [dict(type='GenerateTarget', encoder=codec), dict(type='hrnet_mm.CrowdMask')]
resize = dict(_base_.resize, input_size=codec['input_size'])

train_dataloader = dict(dataset=dict(pipeline=[*load, *augment, *target, _base_.pack]))
val_dataloader = dict(dataset=dict(pipeline=[load[0], resize, _base_.pack]))
test_dataloader = val_dataloader
