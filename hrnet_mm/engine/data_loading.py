"""Number of worker processes of the data loaders, and pinned memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.runner import IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from hrnet_mm.messages import counted
from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook

CONTROL_GROUP = Path('/sys/fs/cgroup')


def count_cores(
    environment: Mapping[str, str] = os.environ, group: Path = CONTROL_GROUP
) -> int:
    """Return the number of CPU cores for this process, at least 1.

    That is its part of the cores that its affinity and the quota of its control group
    (a container) allow. ``srun`` tells a task its part; the processes of ``torchrun``
    share that of their task.
    """
    affinity = getattr(os, 'sched_getaffinity', None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    cores = min(cores, _quota(group) or cores)
    cores = min(cores, int(environment.get('SLURM_CPUS_PER_TASK') or cores))
    return max(cores // int(environment.get('LOCAL_WORLD_SIZE') or 1), 1)


def _quota(group: Path) -> int | None:
    # version 2 of control groups, then version 1
    for files in (['cpu.max'], ['cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us']):
        try:
            words = ' '.join((group / name).read_text() for name in files).split()
            quota, period = map(int, words)  # 'max' and -1 are no limit
        except (OSError, ValueError):
            continue
        if quota > 0:
            return max(quota // period, 1)
    return None


@HOOKS.register_module()
class DataLoadingHook(OptionalHook):
    """Fits the data loaders to the machine.

    ``num_workers`` in the config is the largest number of workers. A loader starts
    fewer if this process has fewer cores; one core is left for the training process
    itself. On a GPU, batches are in pinned memory, from which copies to it are faster,
    unless the config sets ``pin_memory``.
    ``IterBasedTrainLoop`` of mmengine starts its workers before any hook: its training
    loader is as in the config.
    """

    priority = 'VERY_HIGH'  # before a loader starts its workers

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        # torch says so when it builds a loader, before this hook fits it
        warnings.filterwarnings('ignore', 'This DataLoader will create')

    def before_train(self, runner: Runner) -> None:
        """Fit the loader of the training loop."""
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            _fit(runner, runner.train_loop.dataloader, 'train')

    def before_val(self, runner: Runner) -> None:
        """Fit the loader of the validation loop."""
        _fit(runner, runner.val_loop.dataloader, 'val')

    def before_test(self, runner: Runner) -> None:
        """Fit the loader of the test loop."""
        _fit(runner, runner.test_loop.dataloader, 'test')


def _fit(runner: Runner, loader: DataLoader, name: str) -> None:
    if not isinstance(loader, DataLoader):  # tools of OpenMMLab pass other types
        return
    configured = runner.cfg.get(f'{name}_dataloader') or {}
    if torch.cuda.is_available() and 'pin_memory' not in configured:
        loader.pin_memory = True
    cores = count_cores()
    fitting = min(loader.num_workers, max(cores - 1, 1))
    if fitting < loader.num_workers:
        runner.logger.info(
            f'{name}_dataloader starts {counted(fitting, "worker")} instead of '
            f'{loader.num_workers} (num_workers), because this process has '
            f'{counted(cores, "CPU core")}. To start all: '
            'default_hooks.data_loading.enable=False'
        )
        loader.num_workers = fitting
