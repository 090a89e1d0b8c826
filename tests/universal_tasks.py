"""Tasks on TinyPeople, and their samples as the libraries' own pipelines pack them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')
pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from stock import each_dict, in_float32

import hrnet_mm.det
import hrnet_mm.pose
import hrnet_mm.seg  # noqa: F401
from hrnet_mm.universal import Universal, UniversalPreprocessor, read_task

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = dict(
    objects=CONFIGS / 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    joints=CONFIGS / 'pose/higher-hrnet_w18_small_v1_tiny-crowd.py',
    parts=CONFIGS / 'seg/hrnetv2_w18_small_v1_tiny-seg.py',
    segments=CONFIGS / 'det/panoptic-deeplab_w18_small_v1_tiny-panoptic.py',
    depth=CONFIGS / 'seg/hrnetv2-depth_w18_small_v1_tiny-depth.py',
)
RANDOM = {
    'RandomFlip', 'hrnet_mm.BottomupRandomFlip', 'BottomupRandomAffine',
    'hrnet_mm.RandomCrop', 'RandomCrop',
}  # fmt: skip
BATCH = 2
TRUNK = dict(type='hrnet_mm.HRNet', arch='w18_small_v1')
PREPROCESSOR = dict(
    type='hrnet_mm.UniversalPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_size_divisor=32,
)


def universal_task(name: str) -> dict[str, Any]:
    """Read the task of a leaf, in float32 and for one process."""
    task = read_task(LEAVES[name])
    simplify(task)
    return task


def universal(
    *names: str, trunk: dict[str, Any] | None = None, **options: Any
) -> Universal:
    """Build a network of the tasks of some leaves."""
    tasks = {name: universal_task(name) for name in names}
    options = dict(data_preprocessor=PREPROCESSOR) | options
    return Universal(TRUNK | (trunk or {}), tasks, **options)


def simplify(model: dict[str, Any]) -> None:
    """Let a model train in float32 and in one process."""
    in_float32(model)
    for part in each_dict(model):
        if part.get('type') == 'SyncBN':
            part['type'] = 'BN'


def load_samples(name: str, people: Path, split: str) -> list[dict[str, Any]]:
    """Load samples as the leaf of a task does, without random transforms."""
    cfg = Config.fromfile(LEAVES[name])
    dataset = cfg[f'{split}_dataloader'].dataset
    dataset.data_root = str(people)
    steps = [step for step in dataset.pipeline if step['type'] not in RANDOM]
    if name == 'joints' and split == 'train':
        resize = dict(cfg.resize, resize_mode='expand')
        steps.insert(1, resize)
    dataset.pipeline = steps
    init_default_scope(cfg.default_scope)
    built = DATASETS.build(dataset)
    return [built[i] for i in range(BATCH)]


def prepare(batch: dict[str, Any], training: bool = True) -> dict[str, Any]:
    """Normalize and group a batch."""
    options = {key: it for key, it in PREPROCESSOR.items() if key != 'type'}
    return UniversalPreprocessor(**options)(batch, training)
