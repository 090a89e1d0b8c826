"""Hybrid Task Cascade: connected mask heads, and a semantic segmentation branch."""

_base_ = ['cascade_mask_rcnn.py']

mask_head = dict(_base_.mask_head, type='HTCMaskHead')
rcnns = [
    dict(stage, mask_size=28, assigner=dict(stage.assigner, match_low_quality=True))
    for stage in _base_.rcnns
]
model = dict(
    type='HybridTaskCascade',
    data_preprocessor=dict(pad_mask=False, pad_seg=True),
    roi_head=dict(
        type='HybridTaskCascadeRoIHead',
        interleaved=True,
        mask_info_flow=True,
        mask_head=[dict(mask_head, with_conv_res=False), mask_head, mask_head],
        semantic_roi_extractor=dict(
            type='hrnet_mm.SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=256,
            featmap_strides=[8],
        ),
        semantic_head=dict(
            type='FusedSemanticHead',
            num_ins=5,
            fusion_level=1,
            seg_scale_factor=1 / 8,
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=183,
            loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=0.2),
        ),
    ),
    train_cfg=dict(rcnn=rcnns),
    test_cfg=dict(rcnn=dict(score_thr=0.001)),
)
