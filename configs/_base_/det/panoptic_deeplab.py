"""Panoptic-DeepLab on HRNet, with depthwise separable convolutions.

The settings are those of bowenc0221/panoptic-deeplab, tools_d2.
"""

_base_ = ['../runtime.py']

default_scope = 'mmdet'
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.det'], allow_failed_imports=False)

norm_cfg = dict(type='SyncBN', requires_grad=True)  # BN if there is only one process

model = dict(
    type='hrnet_mm.PanopticDeepLab',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='hrnet_mm.HRNet',
        norm_cfg=norm_cfg,
        upsample_cfg=dict(mode='bilinear', align_corners=True),
    ),
    semantic_head=dict(type='hrnet_mm.DeepLabSemanticHead', norm_cfg=norm_cfg),
    instance_head=dict(type='hrnet_mm.DeepLabInstanceHead', norm_cfg=norm_cfg),
)
tta_model = dict(type='hrnet_mm.NoTTAModel')

default_hooks = dict(
    check_classes=dict(type='hrnet_mm.CheckClassesHook', exact=True),
    checkpoint=dict(save_best='coco_panoptic/PQ', rule='greater'),
    visualization=dict(
        type='hrnet_mm.SparseDetVisualizationHook', draw=True, interval=500
    ),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='hrnet_mm.PanopticVisualizer', vis_backends=vis_backends, name='visualizer'
)
