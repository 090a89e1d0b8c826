"""MPII human pose: file layout, pipelines and data loaders. Size and codec: codecs/.

    MPII/annotations/mpii_{train,val}.json, mpii_gt_val.mat   from MMPose's documentation
    MPII/images/*.jpg                                         human-pose.mpi-inf.mpg.de

MPII is data/mpii, or the folder in the environment variable MPII.
"""

data_root = '{{$MPII:data/mpii}}'
dataset_type = 'MpiiDataset'  # MMPoseInferencer chooses its detector by this

augment = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='hrnet_mm.RandomFlip', direction='horizontal'),
    dict(type='hrnet_mm.RandomBBoxTransform', shift_prob=0),
]
prepare = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.MpiiPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_train.json',
        data_prefix=dict(img='images/'),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hrnet_mm.MpiiPose',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_val.json',
        headbox_file=f'{data_root}/annotations/mpii_gt_val.mat',
        data_prefix=dict(img='images/'),
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='MpiiPCKAccuracy')
test_evaluator = val_evaluator
