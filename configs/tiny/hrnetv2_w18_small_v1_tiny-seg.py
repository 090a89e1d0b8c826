"""HRNetV2, W18-small-v1, TinyPeople's body parts: minutes on two CPU cores, from scratch.

mIoU >= 80 on the test split.
1,537,445 parameters.

    hrnet-mm tiny-people
    mim train mmseg configs/tiny/hrnetv2_w18_small_v1_tiny-seg.py
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/tiny_seg.py',
    '../_base_/schedules/tiny.py',
]

C = 16  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch='w18_small_v1'),
    decode_head=dict(in_channels=15 * C, num_classes=_base_.num_classes),
)
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=1),
    visualization=dict(interval=10),
)
