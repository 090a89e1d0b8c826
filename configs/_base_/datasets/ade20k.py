"""ADE20K, 150 classes: crops of 520x520.

    ADE20K/images/{training,validation}/*.jpg             sceneparsing.csail.mit.edu
    ADE20K/annotations/{training,validation}/*.png        0 is unlabelled

ADE20K is data/ade/ADEChallengeData2016, or the folder in the environment variable ADE20K.
"""

_base_ = ['scenes_520.py']

data_root = '{{$ADE20K:data/ade/ADEChallengeData2016}}'
num_classes = 150
crop_size = (520, 520)

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
        type='hrnet_mm.Ade20kSeg',
        data_root=data_root,
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='hrnet_mm.Ade20kSeg',
        data_root=data_root,
        data_prefix=dict(
            img_path='images/validation', seg_map_path='annotations/validation'
        ),
    ),
)
test_dataloader = val_dataloader
