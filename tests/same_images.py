"""TinyPeople with the labels of three tasks: boxes and masks, joints, body parts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS

SCOPES = dict(objects='mmdet', joints='mmpose', parts='mmseg')
CODEC = dict(
    type='hrnet_mm.AssociativeEmbedding',
    input_size=(192, 160),
    heatmap_sizes=[(48, 40), (96, 80)],
    sigma=[1.5, 2.5],
)
IMAGE = dict(type='LoadImageFromFile')
LOAD = dict(
    type='hrnet_mm.PerTask',
    scopes=SCOPES,
    objects=[dict(type='hrnet_mm.LoadObjects', with_mask=True)],
    parts=[dict(type='LoadAnnotations'), dict(type='hrnet_mm.CheckLabels')],
)
ANY = dict(
    type='hrnet_mm.JointAffine',
    size=(192, 160),
    scale=(0.8, 1.25),
    rotate=15,
    shift=0.1,
)
PACK = dict(
    type='hrnet_mm.PackTasks',
    scopes=SCOPES,
    objects=[dict(type='PackDetInputs')],
    joints=[dict(type='hrnet_mm.PackBottomup')],
    parts=[dict(type='PackSegInputs')],
)
TARGETS = dict(
    PACK,
    joints=[
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='hrnet_mm.CrowdMask'),
        dict(type='hrnet_mm.PackBottomup'),
    ],
)


def task_data(root: Path, split: str = 'train', **changes: Any) -> dict[str, Any]:
    """Return the config of the data set of each task, without a pipeline."""
    coco = dict(
        data_root=str(root),
        ann_file=f'annotations/{split}.json',
        data_prefix=dict(img=f'images/{split}/'),
    )
    maps = dict(img_path=f'images/{split}', seg_map_path=f'labels/{split}')
    tasks = dict(
        objects=dict(coco, type='hrnet_mm.TinyDet'),
        joints=dict(coco, type='hrnet_mm.TinyPose', data_mode='bottomup'),
        parts=dict(type='hrnet_mm.TinySeg', data_root=str(root), data_prefix=maps),
    )
    return {
        name: dict(data, _scope_=SCOPES[name], **changes)
        for name, data in tasks.items()
    }


def import_tasks() -> None:
    """Import what a config lists in ``custom_imports``."""
    for name in ('det', 'pose', 'seg', 'universal'):
        import_module(f'hrnet_mm.{name}')


def same_images(
    tasks: dict[str, Any], *steps: dict[str, Any], pack: dict[str, Any] = TARGETS
) -> Any:
    """Build a data set with the given transforms between loading and packing."""
    import_tasks()
    pipeline = [IMAGE, LOAD, *steps, pack]
    config = dict(type='hrnet_mm.SameImages', tasks=tasks, pipeline=pipeline)
    return DATASETS.build(config)
