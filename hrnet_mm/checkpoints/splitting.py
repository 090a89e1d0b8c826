"""Checkpoints of single tasks from one of several tasks."""

from __future__ import annotations

import os
from pathlib import Path

from .checkpoint import read
from .conversion import save
from .safe_load import CheckpointError


def split(
    source: str | os.PathLike[str], folder: str | os.PathLike[str]
) -> dict[str, Path]:
    """Write a checkpoint for each task of ``hrnet_mm.Universal``.

    The file of a task has the tensors of the trunk and of the task, by the names of its
    library: the stock model of the config that was the task loads it.

    Args:
        source: A path, a URL or a name; see ``read``.
        folder: The folder for the files, ``TASK.pth``.

    Returns:
        The files by the names of the tasks.

    Raises:
        FileNotFoundError, CheckpointError: As ``read``; also if the file is not one of
            several tasks.
        FileExistsError: If one of the files exists.
    """
    checkpoint = read(source)
    tasks = dict.fromkeys(
        name.split('.')[1] for name in checkpoint.tensors if name.startswith('tasks.')
    )
    if not tasks:
        raise CheckpointError(
            f'{source} ({checkpoint.family.name}) is of one task: only checkpoints of '
            'hrnet_mm.Universal can be split. `hrnet-mm convert` converts it'
        )
    if wrong := [name for name in tasks if not name.isidentifier()]:
        raise CheckpointError(f'{source} has a task called {wrong[0]!r}: not a name')
    files = {name: Path(folder) / f'{name}.pth' for name in tasks}
    if there := [str(path) for path in files.values() if path.exists()]:
        raise FileExistsError(f'{there[0]} exists: name another folder, or remove it')
    Path(folder).mkdir(parents=True, exist_ok=True)
    trunk = {f'backbone.{key}': it for key, it in checkpoint.part('backbone.').items()}
    described = checkpoint.meta.get('dataset_meta') or {}
    for name, path in files.items():
        meta = dict(checkpoint.meta, dataset_meta=described.get(name, {}))
        if checkpoint.upsampling:  # cannot be told from the tensors
            meta['upsample_cfg'] = checkpoint.upsampling
        state = trunk | checkpoint.part(f'tasks.{name}.')
        save(dict(meta=meta, state_dict=state), path)
    return files
