"""TinyPeople's body parts, 5 classes, whole images: rendered by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = ['label_maps.py']

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
num_classes = 5
crop_size = (160, 192)

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='hrnet_mm.TinySeg',
        data_root=data_root,
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        pipeline=[*_base_.load_train, _base_.flip, _base_.pack_train],
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='hrnet_mm.TinySeg',
        data_root=data_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
        test_mode=True,
        pipeline=[_base_.read, *_base_.labels, _base_.pack],
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        val_dataloader['dataset'],
        data_prefix=dict(img_path='images/test', seg_map_path='labels/test'),
    ),
)
tta_pipeline = [
    _base_.read,
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=1.0, keep_ratio=True)],
            _base_.mirrored,
            *_base_.look,
        ],
    ),
]
