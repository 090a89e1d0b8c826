"""TinyPeople with all its labels, whole images: rendered by `hrnet-mm tiny-people`.

Boxes and masks (objects), keypoints (joints), body parts and depth of the same images.
The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = ['same_images.py']

from hrnet_mm.universal import read_data, read_metric, read_task

objects = '{{ fileDirname }}/../../det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py'
joints = '{{ fileDirname }}/../../pose/hrnet_w18_small_v1_tiny-pose.py'
bottomup = '{{ fileDirname }}/../../pose/higher-hrnet_w18_small_v1_tiny-crowd.py'
parts = '{{ fileDirname }}/../../seg/hrnetv2_w18_small_v1_tiny-seg.py'
depth = '{{ fileDirname }}/../../seg/hrnetv2-depth_w18_small_v1_tiny-depth.py'

scopes = dict(objects='mmdet', joints='mmpose', parts='mmseg', depth='mmseg')
codec = read_task(bottomup)['head']['decoder']

load = dict(
    type='hrnet_mm.PerTask',
    scopes=scopes,
    objects=[dict(type='hrnet_mm.LoadObjects', with_bbox=True, with_mask=True)],
    parts=[dict(type='LoadAnnotations'), dict(type='hrnet_mm.CheckLabels')],
    depth=[dict(type='hrnet_mm.LoadDepth')],
)
move = dict(
    type='hrnet_mm.JointAffine',
    size=codec['input_size'],
    scale=(0.9, 1.1),
    rotate=10,
    shift=0.05,
)
same_size = dict(type='hrnet_mm.JointResize', scale_factor=1.0)
pack = dict(
    type='hrnet_mm.PackTasks',
    scopes=scopes,
    objects=[dict(type='PackDetInputs')],
    joints=[dict(type='hrnet_mm.PackBottomup')],
    parts=[dict(type='PackSegInputs')],
    depth=[dict(type='PackSegInputs')],
)
targets = [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='hrnet_mm.CrowdMask'),
]
pack_train = dict(pack, joints=[*targets, *pack['joints']])

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        tasks=dict(
            objects=read_data(objects, 'train'),
            joints=dict(read_data(joints, 'train'), data_mode='bottomup'),
            parts=read_data(parts, 'train'),
            depth=read_data(depth, 'train'),
        ),
        pipeline=[_base_.read, load, move, pack_train],
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        tasks=dict(
            objects=read_data(objects, 'val'),
            joints=dict(read_data(joints, 'val'), data_mode='bottomup'),
            parts=read_data(parts, 'val'),
            depth=read_data(depth, 'val'),
        ),
        pipeline=[_base_.read, same_size, load, pack],
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        val_dataloader['dataset'],
        tasks=dict(
            objects=read_data(objects, 'test'),
            joints=dict(read_data(joints, 'test'), data_mode='bottomup'),
            parts=read_data(parts, 'test'),
            depth=read_data(depth, 'test'),
        ),
    ),
)

val_evaluator = dict(
    metrics=dict(
        objects=read_metric(objects, 'val'),
        joints=read_metric(joints, 'val'),
        parts=read_metric(parts, 'val'),
        depth=read_metric(depth, 'val'),
    )
)
test_evaluator = dict(
    metrics=dict(
        objects=read_metric(objects, 'test'),
        joints=read_metric(joints, 'test'),
        parts=read_metric(parts, 'test'),
        depth=read_metric(depth, 'test'),
    )
)
