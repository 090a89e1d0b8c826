"""NYU Depth v2, the split of Eigen et al., up to 10 m: crops of 416x544, as in BTS.

    NYU_DEPTH/nyudepthv2_{train,test}_files_with_gt.txt       cleinc/bts, train_test_inputs
    NYU_DEPTH/sync/SCENE/{rgb_*.jpg,sync_depth_*.png}                              training
    NYU_DEPTH/official_splits/test/SCENE/{rgb_*.jpg,sync_depth_*.png}               testing

NYU_DEPTH is data/nyu_depth_v2, or the folder in the environment variable NYU_DEPTH.
`--tta` flips.
"""

_base_ = ['depth_maps.py']

data_root = '{{$NYU_DEPTH:data/nyu_depth_v2}}'
max_depth = 10
crop_size = (416, 544)

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='hrnet_mm.NyuDepth',
        data_root=data_root,
        ann_file='nyudepthv2_train_files_with_gt.txt',
        data_prefix=dict(img_path='sync', depth_map_path='sync'),
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
        type='hrnet_mm.NyuDepth',
        data_root=data_root,
        ann_file='nyudepthv2_test_files_with_gt.txt',
        data_prefix=dict(
            img_path='official_splits/test', depth_map_path='official_splits/test'
        ),
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    crop_type='nyu_crop', min_depth_eval=1e-3, max_depth_eval=max_depth
)
test_evaluator = val_evaluator
