"""TinyPeople's depth, up to 12 m, whole images: rendered by `hrnet-mm tiny-people`.

The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = ['depth_maps.py']

data_root = '{{$TINY_PEOPLE:data/tiny_people}}'
max_depth = 12  # of the head; the background is at most 10 m away
crop_size = (160, 192)

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='hrnet_mm.TinyDepth',
        data_root=data_root,
        data_prefix=dict(img_path='images/train', depth_map_path='depth/train'),
        pipeline=[*_base_.load_train, _base_.flip, _base_.pack_train],
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='hrnet_mm.TinyDepth',
        data_root=data_root,
        data_prefix=dict(img_path='images/val', depth_map_path='depth/val'),
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        val_dataloader['dataset'],
        data_prefix=dict(img_path='images/test', depth_map_path='depth/test'),
    ),
)
