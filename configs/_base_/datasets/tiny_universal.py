"""TinyPeople with all its labels, whole images: rendered by `hrnet-mm tiny-people`.

Boxes and masks (objects), keypoints (joints), body parts and depth of the same images.
The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = []

from hrnet_mm.universal import read_data, read_metric, read_task

objects = '{{ fileDirname }}/../../det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py'
joints = '{{ fileDirname }}/../../pose/hrnet_w18_small_v1_tiny-pose.py'
bottomup = '{{ fileDirname }}/../../pose/higher-hrnet_w18_small_v1_tiny-crowd.py'
parts = '{{ fileDirname }}/../../seg/hrnetv2_w18_small_v1_tiny-seg.py'
depth = '{{ fileDirname }}/../../seg/hrnetv2-depth_w18_small_v1_tiny-depth.py'

scopes = dict(objects='mmdet', joints='mmpose', parts='mmseg', depth='mmseg')
image_size = (192, 160)  # width and height
codec = read_task(bottomup)['head']['decoder']

read = dict(type='LoadImageFromFile')
load = dict(
    type='hrnet_mm.PerTask',
    scopes=scopes,
    objects=[dict(type='hrnet_mm.LoadObjects', with_bbox=True, with_mask=True)],
    parts=[dict(type='LoadAnnotations'), dict(type='hrnet_mm.CheckLabels')],
    depth=[dict(type='hrnet_mm.LoadDepth')],
)
move = dict(
    type='hrnet_mm.JointAffine',
    size=image_size,
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
train_pipeline = [read, load, move, dict(pack, joints=[*targets, *pack['joints']])]
test_pipeline = [read, same_size, load, pack]

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
    collate_fn=dict(type='hrnet_mm.collate'),
    dataset=dict(
        type='hrnet_mm.SameImages',
        tasks=dict(
            objects=read_data(objects, 'train'),
            joints=dict(read_data(joints, 'train'), data_mode='bottomup'),
            parts=read_data(parts, 'train'),
            depth=read_data(depth, 'train'),
        ),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=0,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='hrnet_mm.SameImages',
        tasks=dict(
            objects=read_data(objects, 'val'),
            joints=dict(read_data(joints, 'val'), data_mode='bottomup'),
            parts=read_data(parts, 'val'),
            depth=read_data(depth, 'val'),
        ),
        pipeline=test_pipeline,
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
    type='hrnet_mm.TaskEvaluator',
    metrics=dict(
        objects=read_metric(objects, 'val'),
        joints=read_metric(joints, 'val'),
        parts=read_metric(parts, 'val'),
        depth=read_metric(depth, 'val'),
    ),
)
test_evaluator = dict(
    type='hrnet_mm.TaskEvaluator',
    metrics=dict(
        objects=read_metric(objects, 'test'),
        joints=read_metric(joints, 'test'),
        parts=read_metric(parts, 'test'),
        depth=read_metric(depth, 'test'),
    ),
)
