"""Panoptic FPN: Mask R-CNN with a semantic head, fused by the scores of the masks."""

_base_ = ['mask_rcnn.py']

of_coco = dict(num_things_classes=80, num_stuff_classes=53)

model = dict(
    type='PanopticFPN',
    data_preprocessor=dict(pad_seg=True, seg_pad_value=255),
    semantic_head=dict(
        of_coco,
        type='PanopticFPNHead',
        in_channels=256,
        inner_channels=128,
        start_level=0,
        end_level=4,
        norm_cfg=dict(type='GN', num_groups=32),
        loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, loss_weight=0.5),
    ),
    panoptic_fusion_head=dict(of_coco, type='HeuristicFusionHead'),
    test_cfg=dict(
        rcnn=dict(
            score_thr=0.6, nms=dict(type='nms', iou_threshold=0.5, class_agnostic=True)
        ),
        panoptic=dict(mask_overlap=0.5, stuff_area_limit=4096),
    ),
)
tta_model = dict(_delete_=True, type='hrnet_mm.NoTTAModel')
default_hooks = dict(checkpoint=dict(save_best='coco_panoptic/PQ'))
visualizer = dict(type='hrnet_mm.PanopticVisualizer')
