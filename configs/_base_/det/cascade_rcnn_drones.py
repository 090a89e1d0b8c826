"""Cascade R-CNN for small objects of ten classes, and regions to ignore."""

_base_ = ['cascade_rcnn.py']

num_classes = 10
kept = dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=500)

ignoring = dict(ignore_iof_thr=0.5)
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_head=[dict(head, num_classes=num_classes) for head in _base_.box_heads]
    ),
    train_cfg=dict(
        rpn=dict(assigner=ignoring),
        rcnn=[
            dict(stage, assigner=dict(stage.assigner, **ignoring))
            for stage in _base_.rcnns
        ],
    ),
    test_cfg=dict(rcnn=kept),
)
tta_model = dict(type='DetTTAModel', tta_cfg=kept)
