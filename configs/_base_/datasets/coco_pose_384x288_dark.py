"""COCO keypoints, top-down, crops of 384x288. DARK: unbiased heatmaps (https://arxiv.org/abs/1910.06278)."""

_base_ = ['coco_pose.py']

codec = dict(
    type='MSRAHeatmap',
    input_size=(288, 384),
    heatmap_size=(72, 96),
    sigma=3,
    unbiased=True,
)
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack = dict(type='PackPoseInputs')
target = dict(type='GenerateTarget', encoder=codec)

train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, affine, target, pack]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, affine, pack]))
test_dataloader = val_dataloader
