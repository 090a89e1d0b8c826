"""HRNetV2-W18, 98 face landmarks, WFLW, 256x256, adaptive wing loss.

mim train mmpose configs/pose/hrnetv2_w18_wflw-256x256_awing.py
mim test mmpose configs/pose/hrnetv2_w18_wflw-256x256_awing.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnetv2_w18_wflw-256x256.py']

model = dict(head=dict(loss=dict(type='AdaptiveWingLoss')))
