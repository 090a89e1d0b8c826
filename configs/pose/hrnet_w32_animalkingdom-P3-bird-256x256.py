"""HRNet-W32, animal pose, Animal Kingdom, birds only, 256x256.

mim train mmpose configs/pose/hrnet_w32_animalkingdom-P3-bird-256x256.py
mim test mmpose configs/pose/hrnet_w32_animalkingdom-P3-bird-256x256.py \
    --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_animalkingdom-P1-256x256.py']

train_dataloader = dict(dataset=dict(ann_file='annotations/ak_P3_bird/train.json'))
val_dataloader = dict(dataset=dict(ann_file='annotations/ak_P3_bird/test.json'))
test_dataloader = val_dataloader
