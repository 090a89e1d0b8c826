"""FCOS: an anchor-free detector, with group norm in the head.

The pyramid starts at 1/8. Images are BGR, as in MMDetection, although the ImageNet
weights of the trunk are for RGB.
"""

_base_ = ['hrnetv2p.py']

model = dict(
    type='FCOS',
    data_preprocessor=dict(
        mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395], bgr_to_rgb=False
    ),
    neck=dict(stride=2),
    bbox_head=dict(
        type='FCOSHead',
        num_classes=_base_.num_classes,
        in_channels=256,
        stacked_convs=4,
        feat_channels=256,
        strides=[8, 16, 32, 64, 128],
        loss_cls=dict(
            type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0
        ),
        loss_bbox=dict(type='IoULoss', loss_weight=1.0),
        loss_centerness=dict(
            type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0
        ),
    ),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=100,
    ),
)
