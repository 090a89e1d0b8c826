"""TinyPeople with all its labels, whole images: rendered by `hrnet-mm tiny-people`.

Boxes and masks (objects), keypoints (joints), body parts and depth of the same images.
The folder is data/tiny_people, or the folder in the environment variable TINY_PEOPLE.
"""

_base_ = ['same_images.py']

from hrnet_mm.universal import read_data, read_metric, read_task

det = '{{ fileDirname }}/../../det'
pose = '{{ fileDirname }}/../../pose'
seg = '{{ fileDirname }}/../../seg'
config_of = dict(
    objects=f'{det}/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    joints=f'{pose}/hrnet_w18_small_v1_tiny-pose.py',
    parts=f'{seg}/hrnetv2_w18_small_v1_tiny-seg.py',
    depth=f'{seg}/hrnetv2-depth_w18_small_v1_tiny-depth.py',
)
bottomup = f'{pose}/higher-hrnet_w18_small_v1_tiny-crowd.py'

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
            objects=read_data(config_of['objects'], 'train'),
            joints=dict(read_data(config_of['joints'], 'train'), data_mode='bottomup'),
            parts=read_data(config_of['parts'], 'train'),
            depth=read_data(config_of['depth'], 'train'),
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
            objects=read_data(config_of['objects'], 'val'),
            joints=dict(read_data(config_of['joints'], 'val'), data_mode='bottomup'),
            parts=read_data(config_of['parts'], 'val'),
            depth=read_data(config_of['depth'], 'val'),
        ),
        pipeline=[_base_.read, same_size, load, pack],
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        val_dataloader['dataset'],
        tasks=dict(
            objects=read_data(config_of['objects'], 'test'),
            joints=dict(read_data(config_of['joints'], 'test'), data_mode='bottomup'),
            parts=read_data(config_of['parts'], 'test'),
            depth=read_data(config_of['depth'], 'test'),
        ),
    ),
)

val_evaluator = dict(
    metrics=dict(
        objects=read_metric(config_of['objects'], 'val'),
        joints=read_metric(config_of['joints'], 'val'),
        parts=read_metric(config_of['parts'], 'val'),
        depth=read_metric(config_of['depth'], 'val'),
    )
)
test_evaluator = dict(
    metrics=dict(
        objects=read_metric(config_of['objects'], 'test'),
        joints=read_metric(config_of['joints'], 'test'),
        parts=read_metric(config_of['parts'], 'test'),
        depth=read_metric(config_of['depth'], 'test'),
    )
)
