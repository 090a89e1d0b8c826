"""Settings of all detectors: HRNet with the pyramid HRNetV2p."""

_base_ = ['../runtime.py']

default_scope = 'mmdet'
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.det'], allow_failed_imports=False)

num_classes = 80  # COCO

model = dict(
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='hrnet_mm.HRNet',
        norm_eval=True,  # two images per GPU are too few for batch statistics
    ),
    neck=dict(type='hrnet_mm.HRNetV2p', precision='auto'),
)

env_cfg = dict(cudnn_benchmark=False)  # images have many sizes
default_hooks = dict(
    check_classes=dict(type='hrnet_mm.CheckClassesHook', exact=True),
    checkpoint=dict(interval=1, save_best='coco/bbox_mAP', rule='greater'),
    visualization=dict(
        type='hrnet_mm.SparseDetVisualizationHook', draw=True, interval=500
    ),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='DetLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
