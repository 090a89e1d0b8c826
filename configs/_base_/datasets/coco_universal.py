"""COCO 2017 with its labels of three tasks: crops of 640x640.

Boxes and masks (objects), keypoints (joints), things and stuff (segments). The files are
those of coco_det.py, coco_pose.py and coco_panoptic.py. Augmentation as of HigherHRNet,
coco_bottomup.py. Tests have 640 pixels on the short side.
"""

_base_ = ['same_images.py']

from hrnet_mm.universal import read_data, read_metric, read_task

det = '{{ fileDirname }}/../../det'
pose = '{{ fileDirname }}/../../pose'
config_of = dict(
    objects=f'{det}/mask-rcnn_hrnetv2p_w32_coco-2x.py',
    joints=f'{pose}/higher-hrnet_w32_coco-640x640.py',
    segments=f'{det}/panoptic-deeplab_w32_coco-640x640.py',
)

scopes = dict(objects='mmdet', joints='mmpose', segments='mmdet')
codec = read_task(config_of['joints'])['head']['decoder']

load_objects = dict(type='hrnet_mm.LoadObjects', with_bbox=True, with_mask=True)
load = dict(
    type='hrnet_mm.PerTask',
    scopes=scopes,
    objects=[load_objects],
    segments=[dict(type='hrnet_mm.LoadSegments')],
)
load_test = dict(
    load,
    segments=[
        dict(
            type='hrnet_mm.LoadPanopticObjects',
            with_bbox=False,
            with_label=False,
            with_mask=False,
        )
    ],
)
move = dict(type='hrnet_mm.JointAffine', size=codec['input_size'])
resize = dict(type='hrnet_mm.JointResize', scale=(1067, 640), keep_ratio=True)
pack = dict(
    type='hrnet_mm.PackTasks',
    scopes=scopes,
    objects=[dict(type='PackDetInputs')],
    joints=[dict(type='hrnet_mm.PackBottomup')],
    segments=[dict(type='PackDetInputs')],
)
targets = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='hrnet_mm.CrowdMask'),
]
pack_train = dict(
    pack,
    joints=[*targets, *pack['joints']],
    segments=[dict(type='hrnet_mm.PackPanopticTargets')],
)

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        tasks=dict(
            objects=read_data(config_of['objects'], 'train'),
            joints=read_data(config_of['joints'], 'train'),
            segments=read_data(config_of['segments'], 'train'),
        ),
        pipeline=[_base_.read, load, move, pack_train],
    ),
)
val_dataloader = dict(
    dataset=dict(
        tasks=dict(
            objects=read_data(config_of['objects'], 'val'),
            joints=read_data(config_of['joints'], 'val'),
            segments=read_data(config_of['segments'], 'val'),
        ),
        pipeline=[_base_.read, resize, load_test, pack],
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    metrics=dict(
        objects=read_metric(config_of['objects']),
        joints=read_metric(config_of['joints']),
        segments=read_metric(config_of['segments']),
    )
)
test_evaluator = val_evaluator
