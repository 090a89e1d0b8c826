"""ImageNet classification with HRNet-Wx-C: the network of all ImageNet weights."""

_base_ = ['../runtime.py']

default_scope = 'mmpretrain'
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.cls'], allow_failed_imports=False)

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(type='hrnet_mm.HRNet'),
    head=dict(
        type='LinearClsHead',
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
widen = dict(type='hrnet_mm.HRNetC', precision='auto')
pool = dict(type='GlobalAveragePooling')

default_hooks = dict(
    check_classes=dict(type='hrnet_mm.CheckClassesHook'),
    checkpoint=dict(save_best='accuracy/top1', rule='greater'),
    visualization=dict(
        type='hrnet_mm.ClsVisualizationHook', enable=True, interval=5000
    ),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='UniversalVisualizer', vis_backends=vis_backends, name='visualizer'
)
