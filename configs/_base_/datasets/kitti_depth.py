"""KITTI, the split of Eigen et al., up to 80 m: crops of 352x704, as in BTS.

    KITTI_DEPTH/eigen_{train,test}_files_with_gt.txt          cleinc/bts, train_test_inputs
    KITTI_DEPTH/DATE/DRIVE/image_02/data/*.png             cvlibs.net/datasets/kitti, raw
    KITTI_DEPTH/data_depth_annotated/DRIVE/proj_depth/groundtruth/image_02/*.png
        annotated depth maps, the drives of its folders train and val in one folder

KITTI_DEPTH is data/kitti_depth, or the folder in the environment variable KITTI_DEPTH.
`--tta` flips.
"""

_base_ = ['depth_maps.py']

data_root = '{{$KITTI_DEPTH:data/kitti_depth}}'
max_depth = 80
crop_size = (352, 704)
folders = dict(img_path='', depth_map_path='data_depth_annotated')

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='hrnet_mm.KittiDepth',
        data_root=data_root,
        ann_file='eigen_train_files_with_gt.txt',
        data_prefix=folders,
        pipeline=[
            *_base_.load_train,
            dict(type='RandomCrop', crop_size=crop_size),
            _base_.flip,
            dict(type='hrnet_mm.PhotoMetricDistortion'),
            _base_.pack_train,
        ],
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.KittiDepth',
        data_root=data_root,
        ann_file='eigen_test_files_with_gt.txt',
        data_prefix=folders,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    crop_type='garg_crop', min_depth_eval=1e-3, max_depth_eval=max_depth
)
test_evaluator = val_evaluator
