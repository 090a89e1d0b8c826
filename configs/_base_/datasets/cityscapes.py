"""Cityscapes, fine annotations, 19 classes: crops of 512x1024 at 0.5 to 2.1 times the image size.

    CITYSCAPES/leftImg8bit/{train,val}/CITY/*_leftImg8bit.png      cityscapes-dataset.com
    CITYSCAPES/gtFine/{train,val}/CITY/*_gtFine_labelTrainIds.png
        made by csCreateTrainIdLabelImgs of cityscapesscripts

CITYSCAPES is data/cityscapes, or the folder in the environment variable CITYSCAPES.
"""

_base_ = ['label_maps.py']

data_root = '{{$CITYSCAPES:data/cityscapes}}'
num_classes = 19
crop_size = (512, 1024)
# HRNet-Semantic-Segmentation, lib/datasets/cityscapes.py
class_weight = [
    0.8373, 0.918, 0.866, 1.0345, 1.0166, 0.9969, 0.9754, 1.0489, 0.8786, 1.0023,
    0.9539, 0.9843, 1.1116, 0.9037, 1.0865, 1.0955, 1.0865, 1.1529, 1.0507,
]  # fmt: skip

train_pipeline = [
    *_base_.load_train,
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.1),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.flip,
    _base_.pack_train,
]
sizes = [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in _base_.ratios]
tta_pipeline = [
    _base_.read,
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirrored, *_base_.look]),
]

train_dataloader = dict(
    batch_size=3,
    dataset=dict(
        type='hrnet_mm.CityscapesSeg',
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.CityscapesSeg',
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        test_mode=True,
        pipeline=[_base_.read, *_base_.labels, _base_.pack],
    ),
)
test_dataloader = val_dataloader
