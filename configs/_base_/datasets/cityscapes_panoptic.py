"""Cityscapes panoptic, 8 things and 11 stuff classes: crops of 512x1024.

    CITYSCAPES/leftImg8bit/{train,val}/CITY/*_leftImg8bit.png    cityscapes-dataset.com
    CITYSCAPES/gtFine/cityscapes_panoptic_{train,val}.json
    CITYSCAPES/gtFine/cityscapes_panoptic_{train,val}/*_gtFine_panoptic.png
        both made by csCreatePanopticImgs of cityscapesscripts

CITYSCAPES is data/cityscapes, or the folder in the environment variable CITYSCAPES.
PQ, mIoU and AP of one run.
"""

_base_ = ['objects.py']

data_root = '{{$CITYSCAPES:data/cityscapes}}'
things_and_stuff = dict(num_things_classes=8, num_stuff_classes=11)
crop_size = (512, 1024)
short_sides = [
    512, 640, 704, 832, 896, 1024, 1152, 1216, 1344, 1408, 1536, 1664, 1728, 1856, 1920,
    2048,
]  # fmt: skip

train_pipeline = [
    _base_.read,
    dict(type='hrnet_mm.LoadSegments'),
    dict(
        type='RandomChoiceResize',
        scales=[(2 * side, side) for side in short_sides],
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size[::-1]),  # width and height
    dict(type='RandomFlip', prob=0.5),
    dict(type='hrnet_mm.PackPanopticTargets', sigma=10),
]
test_pipeline = [
    _base_.read,
    dict(type='Resize', scale_factor=1.0),
    dict(
        type='hrnet_mm.LoadPanopticObjects',
        with_bbox=False,
        with_label=False,
        with_mask=False,
    ),
    dict(type='PackDetInputs'),
]

train_dataloader = dict(
    batch_size=4,
    drop_last=True,
    dataset=dict(
        type='hrnet_mm.CityscapesPanoptic',
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_train.json',
        data_prefix=dict(
            img='leftImg8bit/train/', seg='gtFine/cityscapes_panoptic_train/'
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CityscapesPanoptic',
        data_root=data_root,
        ann_file='gtFine/cityscapes_panoptic_val.json',
        data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

truth = dict(
    ann_file=f'{data_root}/gtFine/cityscapes_panoptic_val.json',
    seg_prefix=f'{data_root}/gtFine/cityscapes_panoptic_val',
)
val_evaluator = [
    dict(truth, type='hrnet_mm.CocoPanopticMetric'),
    dict(truth, type='hrnet_mm.PanopticInstanceMetric', metric='segm'),
    dict(type='SemSegMetric', iou_metrics=['mIoU']),
]
test_evaluator = val_evaluator
