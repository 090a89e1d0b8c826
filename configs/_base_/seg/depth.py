"""Depth on HRNetV2: 1x1 convolution, 1x1 convolution, sigmoid times the largest depth."""

_base_ = ['hrnetv2.py']

model = dict(
    type='hrnet_mm.DepthEstimator',
    data_preprocessor=dict(seg_pad_val=0),  # no depth; 255 would be 255 m
    decode_head=dict(
        _delete_=True,
        type='hrnet_mm.DepthHead',
        norm_cfg=_base_.norm_cfg,
        align_corners=False,
        loss_decode=dict(type='hrnet_mm.SiLogLoss'),
    ),
)

default_hooks = dict(checkpoint=dict(save_best='abs_rel', rule='less'))
