"""HRNet-W48, human pose, COCO, 256x192: the recipe to start with.

mim train mmpose configs/hrnet_w48_coco.py
mim test mmpose configs/hrnet_w48_coco.py --checkpoint CHECKPOINT
"""

_base_ = ['./pose/hrnet_w48_coco-256x192.py']
