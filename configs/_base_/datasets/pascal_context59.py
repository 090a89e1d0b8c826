"""PASCAL-Context, 59 classes, background ignored: crops of 480x480."""

_base_ = ['pascal_context.py']

num_classes = 59
train_dataloader = dict(dataset=dict(type='hrnet_mm.PascalContext59Seg'))
val_dataloader = dict(dataset=dict(type='hrnet_mm.PascalContext59Seg'))
test_dataloader = val_dataloader
