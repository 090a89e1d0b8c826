"""Look Into Person, 20 classes: images of 473x473, scaled by 0.5 to 1.6.

    LIP/TrainVal_images/{train,val}_images/*.jpg                            sysu-hcp.net/lip
    LIP/TrainVal_parsing_annotations/{train,val}_segmentations/*.png

LIP is data/lip, or the folder in the environment variable LIP. `--tta` flips.
"""

_base_ = ['label_maps.py']

data_root = '{{$LIP:data/lip}}'
num_classes = 20
crop_size = (473, 473)
left_and_right = [(14, 15), (16, 17), (18, 19)]  # arms, legs, shoes

square = dict(type='Resize', scale=crop_size, keep_ratio=False)
train_pipeline = [
    *_base_.load_train,
    square,
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 1.6)),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5, swap_seg_labels=left_and_right),
    _base_.pack_train,
]
tta_pipeline = [
    _base_.read,
    dict(type='TestTimeAug', transforms=[[square], _base_.mirrored, *_base_.look]),
]
tta_model = dict(type='hrnet_mm.SwappingTTAModel', swap_seg_labels=left_and_right)

train_dataloader = dict(
    batch_size=10,
    dataset=dict(
        type='hrnet_mm.LipSeg',
        data_root=data_root,
        data_prefix=dict(
            img_path='TrainVal_images/train_images',
            seg_map_path='TrainVal_parsing_annotations/train_segmentations',
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.LipSeg',
        data_root=data_root,
        data_prefix=dict(
            img_path='TrainVal_images/val_images',
            seg_map_path='TrainVal_parsing_annotations/val_segmentations',
        ),
        test_mode=True,
        pipeline=[_base_.read, square, *_base_.labels, _base_.pack],
    ),
)
test_dataloader = val_dataloader
