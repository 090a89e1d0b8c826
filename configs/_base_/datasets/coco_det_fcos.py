"""COCO 2017, boxes, four images per GPU, for FCOS."""

_base_ = ['coco_det.py']

train_dataloader = dict(batch_size=4, num_workers=8)
