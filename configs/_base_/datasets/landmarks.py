"""Face landmarks, crops of 256x256: pipelines and data loaders; wflw_faces.py and others name the data."""

_base_ = ['crops.py']

codec = dict(
    type='MSRAHeatmap',
    input_size=(256, 256),
    heatmap_size=(64, 64),
    sigma=2,
)
mirror = [*_base_.prepare, _base_.mirror]
turn = dict(
    type='hrnet_mm.RandomBBoxTransform',
    shift_prob=0,
    rotate_factor=60,
    scale_factor=(0.75, 1.25),
)
turn_less = dict(turn, rotate_factor=30)  # for the official recipes
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack_keypoints = dict(type='hrnet_mm.PackTopdown')
pack = dict(type='PackPoseInputs')

train_dataloader = dict(dataset=dict(pipeline=[*mirror, turn, affine, pack_keypoints]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, affine, pack]))
test_dataloader = val_dataloader

val_evaluator = dict(type='NME', norm_mode='keypoint_distance')
test_evaluator = val_evaluator
