"""The sizes of two-stage detectors that two CPU cores train on images of 200 pixels.

From scratch: batch norms learn, unlike those of a trunk that comes from ImageNet.
"""

C = 16  # the streams have C, 2C, 4C and 8C channels
width = 64

norm_cfg = dict(type='BN')

small = dict(
    backbone=dict(arch='w18_small_v1', norm_eval=False),
    neck=dict(
        in_channels=[C, 2 * C, 4 * C, 8 * C], out_channels=width, norm_cfg=norm_cfg
    ),
    rpn_head=dict(
        in_channels=width, feat_channels=width, anchor_generator=dict(scales=[4])
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=32)), rpn_proposal=dict(nms_pre=400, max_per_img=64)
    ),
    test_cfg=dict(rpn=dict(nms_pre=400, max_per_img=100)),
)
small_rois = dict(out_channels=width, roi_layer=dict(sampling_ratio=2))
small_box_head = dict(in_channels=width, fc_out_channels=256, num_classes=1)
small_mask_head = dict(
    in_channels=width, conv_out_channels=width, num_classes=1, norm_cfg=norm_cfg
)
