"""COCO 2017, boxes, four images a GPU, as FCOS is trained."""

_base_ = ['coco_det.py']

train_dataloader = dict(batch_size=4, num_workers=4)
