"""RetinaNet for faces: a one-stage detector with the anchors of TinaFace.

The pyramid has six levels, from 1/4 to 1/128, and one class. Anchors are 1.3 times as
high as wide, and those of a level are 2^(4/3), 2^(5/3) and 4 strides large.
"""

_base_ = ['hrnetv2p.py']

num_classes = 1
# an image may show hundreds of faces
kept = dict(nms=dict(type='nms', iou_threshold=0.45), max_per_img=1000)

model = dict(
    type='RetinaNet',
    neck=dict(num_outs=6),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=num_classes,
        in_channels=256,
        stacked_convs=4,
        feat_channels=256,
        anchor_generator=dict(
            type='AnchorGenerator',
            octave_base_scale=2 ** (4 / 3),
            scales_per_octave=3,
            ratios=[1.3],
            strides=[4, 8, 16, 32, 64, 128],
        ),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0.0, 0.0, 0.0, 0.0],
            target_stds=[0.1, 0.1, 0.2, 0.2],
        ),
        reg_decoded_bbox=True,
        loss_cls=dict(
            type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0
        ),
        loss_bbox=dict(type='DIoULoss', loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.35,
            neg_iou_thr=0.35,
            min_pos_iou=0.35,
            ignore_iof_thr=0.5,
            gpu_assign_thr=100,  # in crowds, the overlaps need gigabytes
        ),
        sampler=dict(type='PseudoSampler'),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    ),
    test_cfg=dict(nms_pre=5000, min_bbox_size=0, score_thr=0.01, **kept),
)
tta_model = dict(type='DetTTAModel', tta_cfg=kept)
