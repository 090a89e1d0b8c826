"""Tasks from the configs of their libraries.

Call the functions that read in a config after ``_base_``::

    from hrnet_mm.universal import read_data, read_metric, read_task

    parts = '{{ fileDirname }}/../seg/hrnetv2_w18_small_v1_tiny-seg.py'
    model = dict(tasks=dict(parts=read_task(parts)))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.messages import shortened

SPLITS = ('train', 'val', 'test')


def read_task(config: str | Path) -> dict[str, Any]:
    """Read the model of a config as a task of ``Universal``.

    Args:
        config: A config of mmpose, mmseg, mmdet or mmpretrain with an HRNet.

    Returns:
        The model with its library as ``_scope_``, and with ``SharedTrunk`` as its
        backbone.

    Raises:
        ValueError: If the config is of none of the libraries, or has no model with a
            backbone.
    """
    cfg = _read(config)
    model = cfg.get('model', {}).to_dict()
    if 'backbone' not in model:
        raise ValueError(f'{config} has no model with a backbone')
    backbone = model.pop('backbone')
    trunk: dict[str, Any] = dict(type='hrnet_mm.SharedTrunk')
    if not backbone.get('multiscale_output', True):
        trunk['multiscale_output'] = False
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor.to_dict())
    return dict(model, _scope_=cfg.default_scope, backbone=trunk)


def read_data(config: str | Path, split: str) -> dict[str, Any]:
    """Read the data set of a config as one of the tasks of ``SameImages``.

    Args:
        config: See ``read_task``.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        The data set with its library as ``_scope_``, without its pipeline.

    Raises:
        ValueError: If the config is of none of the libraries, or the split is unknown.
    """
    cfg = _read(config)
    data = cfg[f'{_checked(split)}_dataloader'].dataset.to_dict()
    data.pop('pipeline', None)
    return dict(data, _scope_=cfg.default_scope)


def read_metric(config: str | Path, split: str = 'val') -> list[dict[str, Any]]:
    """Read the metrics of a config as those of a task of ``TaskEvaluator``.

    Args:
        config: See ``read_task``.
        split: ``'val'`` or ``'test'``.

    Returns:
        The metrics with their library as ``_scope_``.

    Raises:
        ValueError: If the config is of none of the libraries, or the split is unknown.
    """
    cfg = _read(config)
    found = cfg[f'{_checked(split)}_evaluator']
    metrics = found if isinstance(found, list | tuple) else [found]
    return [dict(metric.to_dict(), _scope_=cfg.default_scope) for metric in metrics]


def config_of_task(cfg: Config, name: str) -> Config:
    """Return what a config says about a task, as a config of the task's library.

    Args:
        cfg: The config of a ``Universal``.
        name: The name of the task.

    Returns:
        ``model``, whose backbone is ``SharedTrunk``, ``default_scope``,
        ``{split}_dataloader`` with the data set of the task and the transforms that it
        passes through, ``{split}_evaluator`` with its metrics, and ``data_mode`` of
        MMPose.

    Raises:
        ValueError: If the model has no such task, or the task no data set.
    """
    task = cfg.model.get('tasks', {}).get(name)
    if task is None:
        raise ValueError(
            f'the model has no task {name!r}, but '
            f'{shortened([*cfg.model.get("tasks", {})])}'
        )
    found = dict(
        model=task, default_scope=task.get('_scope_') or task.type.split('.')[0]
    )
    for split in SPLITS:
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset', {})
        data = _data_of(name, dataset)
        if data is not None:
            found['data_mode'] = data.get('data_mode')
            found[f'{split}_dataloader'] = dict(dataset=data)
        metrics = (cfg.get(f'{split}_evaluator') or {}).get('metrics', {})
        if name in metrics:
            found[f'{split}_evaluator'] = metrics[name]
    if not any(key.endswith('_dataloader') for key in found):
        raise ValueError(
            f'the task {name!r} has no data set: the config has no '
            'hrnet_mm.SameImages or hrnet_mm.OneTask with this task'
        )
    return Config(found)


def _data_of(task: str, dataset: Any) -> dict[str, Any] | None:
    # the data set of a task, with the transforms that it passes through
    for part in dataset.get('datasets', {}).values():  # DatasetsInTurn
        if (found := _data_of(task, part)) is not None:
            return found
    if dataset.get('task') == task:  # OneTask
        return dataset.dataset
    data = dataset.get('tasks', {}).get(task)  # SameImages
    return data and dict(data, pipeline=_transforms_of(task, dataset.pipeline))


def _transforms_of(task: str, steps: Sequence[Any]) -> list[Any]:
    # the configs of the transforms that a task passes through
    found: list[Any] = []
    for step in steps:
        found += step.get(task, []) if 'scopes' in step else [step]
    return found


def _checked(split: str) -> str:
    if split not in SPLITS:
        raise ValueError(f'split={split!r} is not one of {", ".join(SPLITS)}')
    return split


def _read(config: str | Path) -> Config:
    cfg = Config.fromfile(config)
    scope = cfg.get('default_scope')
    if scope not in LIBRARIES:
        raise ValueError(
            f'{config} has default_scope={scope!r}: a task needs a config of '
            f'{shortened([*LIBRARIES])}'
        )
    return cfg
