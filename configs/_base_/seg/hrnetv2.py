"""Segmentation with HRNetV2: all streams at 1/4, 1x1 convolution, 1x1 classifier."""

_base_ = ['../runtime.py']

default_scope = 'mmseg'
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.seg'], allow_failed_imports=False)

norm_cfg = dict(type='SyncBN', requires_grad=True)  # BN if there is only one process

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='hrnet_mm.HRNet',
        norm_cfg=norm_cfg,
        upsample_cfg=dict(mode='bilinear', align_corners=False),
    ),
    neck=dict(type='hrnet_mm.HRNetV2', align_corners=False),
    decode_head=dict(
        type='hrnet_mm.HRNetV2Head',
        bias=True,  # as in the official code; use 'auto' for checkpoints of mmseg
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='hrnet_mm.CrossEntropyLoss'),
    ),
    test_cfg=dict(mode='whole'),
)

default_hooks = dict(
    check_classes=dict(type='hrnet_mm.CheckClassesHook'),
    check_window=dict(type='hrnet_mm.CheckWindowHook'),
    checkpoint=dict(save_best='mIoU', rule='greater'),
    visualization=dict(type='hrnet_mm.SegVisualizationHook', draw=True, interval=100),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='hrnet_mm.SegVisualizer', vis_backends=vis_backends, name='visualizer'
)
