"""Top-down pose: one crop per instance, one heatmap per keypoint, predicted from stream 0."""

_base_ = ['../runtime.py']

default_scope = 'mmpose'
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.pose'], allow_failed_imports=False)
data_mode = 'topdown'

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='hrnet_mm.PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],  # ImageNet, RGB
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        non_blocking=True,
    ),
    backbone=dict(type='hrnet_mm.HRNet', multiscale_output=False),
    head=dict(
        type='hrnet_mm.HeatmapHead',
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)

default_hooks = dict(
    check_codec=dict(type='hrnet_mm.CheckCodecHook'),
    checkpoint=dict(save_best='coco/AP', rule='greater'),
    visualization=dict(
        type='hrnet_mm.SparsePoseVisualizationHook', enable=True, interval=100
    ),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
