"""COCO and AI Challenger as one training set: its parts. Tests on COCO.

The files are those of coco_pose.py and aic_pose.py.
"""

_base_ = ['coco_pose.py']

coco = dict(_base_.train_dataloader.dataset, pipeline=[])
aic = dict(
    type='hrnet_mm.Aic',
    data_root='{{$AIC:data/aic}}',
    data_mode='topdown',
    ann_file='annotations/aic_train.json',
    data_prefix=dict(
        img='ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902/'
    ),
)
# (index in AI Challenger, index in COCO) of the keypoints that both have
limbs = [
    (0, 6), (1, 8), (2, 10), (3, 5), (4, 7), (5, 9),
    (6, 12), (7, 14), (8, 16), (9, 11), (10, 13), (11, 15),
]  # fmt: skip
