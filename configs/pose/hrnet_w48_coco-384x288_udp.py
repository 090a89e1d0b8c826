"""HRNet-W48, human pose, COCO, 384x288, UDP.

AP 77.3, AR 82.1 on val2017 with the 56.4 AP detector (MMPose 1.x).
63,595,745 parameters, 32.88 G MACs (2^30).

    mim train mmpose configs/pose/hrnet_w48_coco-384x288_udp.py
    mim test mmpose configs/pose/hrnet_w48_coco-384x288_udp.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/datasets/coco_pose_384x288_udp.py',
    '../_base_/schedules/adam_210e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet-pose'
        ),
    ),
    head=dict(in_channels=C, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(shift_heatmap=False),
)
