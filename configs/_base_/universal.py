"""One trunk for several tasks: what all such networks share.

`hrnet_mm.universal.read_task` reads the tasks from the configs of the libraries.
"""

_base_ = ['runtime.py']

default_scope = 'hrnet_mm'
custom_imports = dict(
    imports=[
        'hrnet_mm', 'hrnet_mm.pose', 'hrnet_mm.seg', 'hrnet_mm.det',
        'hrnet_mm.universal',
    ],
    allow_failed_imports=False,
)  # fmt: skip

model = dict(
    type='hrnet_mm.Universal',
    data_preprocessor=dict(
        type='hrnet_mm.UniversalPreprocessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='hrnet_mm.HRNet'),
)
default_hooks = dict(
    check_classes=dict(type='hrnet_mm.CheckClassesHook'),
    visualization=dict(type='hrnet_mm.UniversalVisualizationHook', interval=50),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends, name='visualizer')
