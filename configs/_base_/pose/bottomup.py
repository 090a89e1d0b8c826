"""Bottom-up pose: all instances of an image at once, grouped by tags."""

_base_ = ['topdown.py']

data_mode = 'bottomup'

model = dict(
    type='hrnet_mm.BottomupPoseEstimator',
    data_preprocessor=dict(type='hrnet_mm.PyramidPreprocessor'),
    head=dict(_delete_=True, type='hrnet_mm.HigherHRNetHead'),
    test_cfg=dict(_delete_=True, flip_test=True),
)
