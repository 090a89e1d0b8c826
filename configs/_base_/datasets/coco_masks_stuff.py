"""COCO 2017, boxes, masks and stuff segmentation maps.

COCO/stuffthingmaps/{train,val}2017/*.png     github.com/nightrome/cocostuff
"""

_base_ = ['coco_masks.py']

train_pipeline = [
    _base_.read,
    dict(_base_.annotations, with_seg=True),
    _base_.resize,
    *_base_.finish,
]
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(img='train2017/', seg='stuffthingmaps/train2017/'),
        pipeline=train_pipeline,
    )
)
