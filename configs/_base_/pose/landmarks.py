"""Face landmarks: one crop per face, heatmaps predicted from HRNetV2 at 1/4."""

_base_ = ['topdown.py']

model = dict(
    backbone=dict(
        multiscale_output=True,
        upsample_cfg=dict(mode='bilinear', align_corners=False),
    ),
    neck=dict(type='hrnet_mm.HRNetV2'),
    head=dict(conv_kernel_sizes=(1,)),
)
default_hooks = dict(checkpoint=dict(save_best='NME', rule='less'))
