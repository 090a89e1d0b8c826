"""HRNet-W32, animal pose, Horse-10, split 3, 256x256.

mim train mmpose configs/pose/hrnet_w32_horse10-split3-256x256.py
mim test mmpose configs/pose/hrnet_w32_horse10-split3-256x256.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_horse10-split1-256x256.py']

train_dataloader = dict(dataset=dict(ann_file='annotations/horse10-train-split3.json'))
val_dataloader = dict(dataset=dict(ann_file='annotations/horse10-test-split3.json'))
test_dataloader = val_dataloader
