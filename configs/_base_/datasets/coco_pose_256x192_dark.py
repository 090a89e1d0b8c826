"""COCO keypoints, top-down, crops of 256x192. DARK: unbiased heatmaps (https://arxiv.org/abs/1910.06278)."""

_base_ = ['coco_pose.py']

codec = dict(
    type='MSRAHeatmap',
    input_size=(192, 256),
    heatmap_size=(48, 64),
    sigma=2,
    unbiased=True,
)
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack = dict(type='PackPoseInputs')
target = dict(type='GenerateTarget', encoder=codec)

train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, affine, target, pack]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, affine, pack]))
test_dataloader = val_dataloader
