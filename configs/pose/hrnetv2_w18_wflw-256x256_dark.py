"""HRNetV2-W18, 98 face landmarks, WFLW, 256x256, DARK.

mim train mmpose configs/pose/hrnetv2_w18_wflw-256x256_dark.py
mim test mmpose configs/pose/hrnetv2_w18_wflw-256x256_dark.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnetv2_w18_wflw-256x256.py']

codec = dict(_base_.codec, unbiased=True)

model = dict(head=dict(decoder=codec))
