"""COCO keypoints, bottom-up: whole images. Size and codec: coco_bottomup_*.py.

The files are those of coco_pose.py. Augmentation as in the official code (HigherHRNet-
Human-Pose-Estimation, experiments/coco/higher_hrnet): scale 0.75 to 1.5 of the short
side, rotation by 30 degrees, shift by a fifth of the image, flip with probability 0.5.
"""

_base_ = ['coco_pose.py']

keypoint_order = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]
load = dict(type='LoadImage')
affine = dict(type='BottomupRandomAffine', distribution='uniform')
flip = dict(type='hrnet_mm.BottomupRandomFlip', direction='horizontal')
resize = dict(type='BottomupResize', size_factor=64, resize_mode='expand')
mask = dict(type='hrnet_mm.CrowdMask')
pack = dict(type='hrnet_mm.PackBottomup')

train_dataloader = dict(batch_size=24, dataset=dict(data_mode='bottomup'))
val_dataloader = dict(batch_size=1, dataset=dict(data_mode='bottomup', bbox_file=None))
test_dataloader = val_dataloader

val_evaluator = dict(nms_mode='none', score_mode='bbox')
test_evaluator = val_evaluator
