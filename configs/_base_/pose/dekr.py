"""DEKR: regresses the keypoints of each person from its centre (CVPR 2021).

The published rescoring nets are for the keypoints of COCO and CrowdPose only.
"""

_base_ = ['bottomup.py']

model = dict(
    backbone=dict(multiscale_output=True),
    neck=dict(type='hrnet_mm.HRNetV2'),
    head=dict(
        _delete_=True,
        type='hrnet_mm.DEKRHead',
        heatmap_loss=dict(type='KeypointMSELoss', use_target_weight=True),
        displacement_loss=dict(
            type='SoftWeightSmoothL1Loss',
            use_target_weight=True,
            supervise_empty=False,
            beta=1 / 9,
            loss_weight=0.002,
        ),
    ),
    test_cfg=dict(
        multiscale_test=False,
        nms_dist_thr=0.05,
        shift_heatmap=True,
        align_corners=False,
    ),
)
