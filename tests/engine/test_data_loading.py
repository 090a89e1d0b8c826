"""The hook that fits data loaders to the machine."""

from __future__ import annotations

import logging
import os
import warnings
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from hrnet_mm.engine.data_loading import DataLoadingHook, count_cores


@pytest.fixture
def affinity(monkeypatch):
    """A process that may run on eight cores."""
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {*range(8)}, raising=False)


@pytest.mark.parametrize(
    ('environment', 'cores'),
    [
        ({}, 8),
        (dict(SLURM_CPUS_PER_TASK='3'), 3),
        (dict(SLURM_CPUS_PER_TASK='12'), 8),
        (dict(LOCAL_WORLD_SIZE='4'), 2),
        (dict(LOCAL_WORLD_SIZE='16'), 1),
        # a task that is torchrun
        (dict(SLURM_CPUS_PER_TASK='6', LOCAL_WORLD_SIZE='3'), 2),
    ],
)
def test_a_process_counts_its_part_of_the_cores(environment, cores, affinity, tmp_path):
    assert count_cores(environment, tmp_path) == cores


@pytest.mark.parametrize(
    ('files', 'cores'),
    [
        ({'cpu.max': '300000 100000'}, 3),
        ({'cpu.max': '50000 100000'}, 1),
        ({'cpu.max': 'max 100000'}, 8),
        ({'cpu/cpu.cfs_quota_us': '200000', 'cpu/cpu.cfs_period_us': '100000'}, 2),
        ({'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000'}, 8),
    ],
)
def test_the_quota_of_a_container_counts(files, cores, affinity, tmp_path):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert count_cores({}, tmp_path) == cores


def runner_with(loader: DataLoader, cfg: dict | None = None) -> SimpleNamespace:
    loop = SimpleNamespace(dataloader=loader)
    logger = logging.getLogger('data loading')
    return SimpleNamespace(
        train_loop=loop,
        val_loop=loop,
        test_loop=loop,
        logger=logger,
        cfg=cfg or {},
    )


@pytest.mark.parametrize('moment', ['before_train', 'before_val', 'before_test'])
def test_workers_leave_a_core_to_the_training_process(
    moment, affinity, monkeypatch, caplog
):
    monkeypatch.setattr('hrnet_mm.engine.data_loading.count_cores', lambda: 4)
    hook = DataLoadingHook()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        loader = DataLoader([*range(64)], batch_size=2, num_workers=7)
    with caplog.at_level(logging.INFO, 'data loading'):
        for _ in range(2):
            getattr(hook, moment)(runner_with(loader))
    assert loader.num_workers == 3
    assert caplog.text.count('starts 3 workers instead of 7') == 1


def test_a_config_with_fewer_workers_keeps_them(affinity, monkeypatch):
    monkeypatch.setattr('hrnet_mm.engine.data_loading.count_cores', lambda: 4)
    for number in (0, 1, 3):
        loader = DataLoader([*range(4)], num_workers=number)
        DataLoadingHook().before_train(runner_with(loader))
        assert loader.num_workers == number


def test_one_worker_is_left_on_one_core(monkeypatch):
    monkeypatch.setattr('hrnet_mm.engine.data_loading.count_cores', lambda: 1)
    loader = DataLoader([*range(4)], num_workers=2, persistent_workers=True)
    DataLoadingHook().before_train(runner_with(loader))
    assert loader.num_workers == 1


@pytest.mark.parametrize('gpu', [True, False])
def test_batches_are_pinned_if_there_is_a_gpu(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    loader = DataLoader([*range(4)])
    DataLoadingHook().before_train(runner_with(loader))
    assert loader.pin_memory == gpu


def test_a_config_decides_whether_batches_are_pinned(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = dict(train_dataloader=dict(pin_memory=False))
    loader = DataLoader([*range(4)], **cfg['train_dataloader'])
    DataLoadingHook().before_train(runner_with(loader, cfg))
    assert not loader.pin_memory


def test_the_hook_speaks_instead_of_torch():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        DataLoadingHook()
        DataLoader([*range(4)], num_workers=1000)
    assert not seen


def test_a_loop_that_has_started_its_workers_keeps_them(monkeypatch, caplog):
    monkeypatch.setattr('hrnet_mm.engine.data_loading.count_cores', lambda: 1)
    runner = runner_with(DataLoader([*range(4)], num_workers=2))
    runner.train_loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    with caplog.at_level(logging.INFO, 'data loading'):
        DataLoadingHook().before_train(runner)
    assert not caplog.text
