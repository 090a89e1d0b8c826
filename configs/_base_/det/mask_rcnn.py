"""Mask R-CNN: Faster R-CNN with a mask head."""

_base_ = ['faster_rcnn.py']

model = dict(
    type='MaskRCNN',
    data_preprocessor=dict(pad_mask=True),
    roi_head=dict(mask_roi_extractor=_base_.roi_masks, mask_head=_base_.mask_head),
    train_cfg=dict(rcnn=dict(assigner=dict(match_low_quality=True), mask_size=28)),
    test_cfg=dict(rcnn=dict(mask_thr_binary=0.5)),
)
tta_model = dict(
    type='hrnet_mm.InstanceTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
)
default_hooks = dict(checkpoint=dict(save_best='coco/segm_mAP'))
