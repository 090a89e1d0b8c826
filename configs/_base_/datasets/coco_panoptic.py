"""COCO 2017 panoptic, 80 things and 53 stuff classes.

    COCO/annotations/panoptic_{train,val}2017.json     cocodataset.org
    COCO/annotations/panoptic_{train,val}2017/*.png    from the same archive
    COCO/{train,val}2017/*.jpg

COCO is data/coco, or the folder in the environment variable COCO.
"""

_base_ = ['coco_det.py']

annotations = dict(type='hrnet_mm.LoadPanopticObjects')
train_pipeline = [_base_.read, annotations, _base_.resize, *_base_.finish]
test_pipeline = [_base_.read, _base_.resize, _base_.pack_test]

train_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoPanoptic',
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(seg='annotations/panoptic_train2017/'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CocoPanoptic',
        ann_file='annotations/panoptic_val2017.json',
        data_prefix=dict(seg='annotations/panoptic_val2017/'),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='hrnet_mm.CocoPanopticMetric',
    ann_file=f'{_base_.data_root}/annotations/panoptic_val2017.json',
    seg_prefix=f'{_base_.data_root}/annotations/panoptic_val2017',
)
test_evaluator = val_evaluator
