"""HRNet-W48, animal pose, Horse-10, split 2, 256x256.

mim train mmpose configs/pose/hrnet_w48_horse10-split2-256x256.py
mim test mmpose configs/pose/hrnet_w48_horse10-split2-256x256.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w48_horse10-split1-256x256.py']

train_dataloader = dict(dataset=dict(ann_file='annotations/horse10-train-split2.json'))
val_dataloader = dict(dataset=dict(ann_file='annotations/horse10-test-split2.json'))
test_dataloader = val_dataloader
