"""Hand pose: 21 keypoints, heatmaps predicted from HRNetV2 at 1/4."""

_base_ = ['landmarks.py']

model = dict(head=dict(out_channels=21))
default_hooks = dict(checkpoint=dict(save_best='AUC', rule='greater'))
