"""Faster R-CNN: a box head on region proposals."""

_base_ = ['rpn.py']

model = dict(
    type='FasterRCNN',
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=_base_.roi_boxes,
        bbox_head=_base_.box_head,
    ),
    train_cfg=dict(rcnn=_base_.rcnn),
)
