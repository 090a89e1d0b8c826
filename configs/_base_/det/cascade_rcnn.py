"""Cascade R-CNN: three box heads with increasing IoU thresholds."""

_base_ = ['rpn.py']

stage_stds = [
    [0.1, 0.1, 0.2, 0.2],
    [0.05, 0.05, 0.1, 0.1],
    [0.033, 0.033, 0.067, 0.067],
]
box_heads = [
    dict(
        _base_.box_head,
        bbox_coder=dict(_base_.box_head.bbox_coder, target_stds=stds),
        reg_class_agnostic=True,
        loss_bbox=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0),
    )
    for stds in stage_stds
]
rcnns = [
    dict(
        _base_.rcnn,
        assigner=dict(
            _base_.rcnn.assigner, pos_iou_thr=iou, neg_iou_thr=iou, min_pos_iou=iou
        ),
    )
    for iou in [0.5, 0.6, 0.7]
]
model = dict(
    type='CascadeRCNN',
    rpn_head=dict(
        loss_bbox=dict(
            _delete_=True, type='SmoothL1Loss', beta=1.0 / 9.0, loss_weight=1.0
        )
    ),
    roi_head=dict(
        type='CascadeRoIHead',
        num_stages=3,
        stage_loss_weights=[1, 0.5, 0.25],
        bbox_roi_extractor=_base_.roi_boxes,
        bbox_head=box_heads,
    ),
    train_cfg=dict(
        rpn=dict(allowed_border=0), rpn_proposal=dict(max_per_img=2000), rcnn=rcnns
    ),
)
