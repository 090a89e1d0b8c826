"""Small two-stage detectors, for training on two CPU cores with images of 200 pixels.

Batch norms are trained, since there are no ImageNet weights.
"""

_base_ = ['../widths/w18_small_v1.py']

channels = 64  # in the pyramid and its heads
norm_cfg = dict(type='BN')

small = dict(
    backbone=dict(arch=_base_.arch, norm_eval=False),
    neck=dict(in_channels=_base_.widths, out_channels=channels, norm_cfg=norm_cfg),
    rpn_head=dict(
        in_channels=channels, feat_channels=channels, anchor_generator=dict(scales=[4])
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=32)), rpn_proposal=dict(nms_pre=400, max_per_img=64)
    ),
    test_cfg=dict(rpn=dict(nms_pre=400, max_per_img=100)),
)
small_rois = dict(out_channels=channels, roi_layer=dict(sampling_ratio=2))
small_box_head = dict(in_channels=channels, fc_out_channels=256, num_classes=1)
small_mask_head = dict(
    in_channels=channels, conv_out_channels=channels, num_classes=1, norm_cfg=norm_cfg
)
