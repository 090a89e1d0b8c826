"""HRNet-W32, human pose, COCO, 256x192, mixed precision with a loss scale.

mim train mmpose configs/pose/hrnet_w32_coco-256x192_fp16.py
mim test mmpose configs/pose/hrnet_w32_coco-256x192_fp16.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_coco-256x192.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
