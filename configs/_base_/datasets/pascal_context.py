"""PASCAL-Context, 59 classes and background: crops of 480x480 (520x520 for OCR).

    PASCAL_CONTEXT/JPEGImages/*.jpg                                  PASCAL VOC 2010
    PASCAL_CONTEXT/SegmentationClassContext/*.png                    made by the detail API
    PASCAL_CONTEXT/ImageSets/SegmentationContext/{train,val}.txt

PASCAL_CONTEXT is data/VOCdevkit/VOC2010, or the folder in the environment variable PASCAL_CONTEXT.
"""

_base_ = ['scenes_520.py']

data_root = '{{$PASCAL_CONTEXT:data/VOCdevkit/VOC2010}}'
num_classes = 60
crop_size = (480, 480)

train_pipeline = [
    *_base_.load_train,
    _base_.resize,
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.flip,
    _base_.pack_train,
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='hrnet_mm.PascalContextSeg',
        data_root=data_root,
        ann_file='ImageSets/SegmentationContext/train.txt',
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClassContext'
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.PascalContextSeg',
        data_root=data_root,
        ann_file='ImageSets/SegmentationContext/val.txt',
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClassContext'
        ),
    ),
)
test_dataloader = val_dataloader
