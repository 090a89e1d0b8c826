"""Heads of TinyPeople, five landmarks, crops of 64x64; files as in tiny_pose.py.

NME is normalized by the distance between the ears.
"""

_base_ = ['tiny_pose.py']

codec = dict(input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
train_pipeline = [*_base_.prepare, *_base_.augment, affine, _base_.pack_keypoints]
val_pipeline = [*_base_.prepare, affine, _base_.pack]

heads = dict(type='hrnet_mm.TinyHeads')
train_dataloader = dict(dataset=dict(heads, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(heads, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True, type='NME', norm_mode='keypoint_distance', keypoint_indices=[3, 4]
)
test_evaluator = val_evaluator
