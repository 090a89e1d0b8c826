"""Data sets that are smaller than a batch, and last batches of one sample."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from hrnet_mm.engine.loops import EpochLoop
from hrnet_mm.models.norms import SyncBatchNormOnCpu
from hrnet_mm.registry import LOOPS


def epoch(model: nn.Module, samples: int, **loader) -> list[int]:
    """The sizes of the batches."""
    runner = SimpleNamespace(
        logger=logging.getLogger(), model=model, visualizer=SimpleNamespace(), cfg={}
    )
    loop = EpochLoop(runner, DataLoader(range(samples), **loader), max_epochs=3)
    sizes = [len(batch) for batch in loop.dataloader]
    assert loop.max_iters == 3 * len(sizes)
    return sizes


@pytest.mark.parametrize(
    ('samples', 'size', 'drop_last', 'sizes'),
    [
        (3, 16, True, [3]),  # mmengine's schedulers need a batch
        (1, 16, True, [1]),
        (5, 4, True, [4]),
        (5, 4, False, [4]),  # a batch norm of one sample
        (6, 4, False, [4, 2]),
        (1, 4, False, [1]),
        (3, 1, False, [1, 1, 1]),
    ],
)
def test_an_epoch_has_a_batch_and_none_of_one_sample(samples, size, drop_last, sizes):
    loader = dict(batch_size=size, drop_last=drop_last)
    assert epoch(nn.BatchNorm2d(3), samples, **loader) == sizes


def test_norms_that_take_one_sample_keep_the_last_batch(monkeypatch):
    assert epoch(nn.GroupNorm(3, 3), 5, batch_size=4) == [4, 1]
    assert epoch(SyncBatchNormOnCpu(3), 5, batch_size=4) == [4]
    monkeypatch.setattr('hrnet_mm.engine.loops.get_world_size', lambda: 2)
    assert epoch(SyncBatchNormOnCpu(3), 5, batch_size=4) == [4, 1]
    assert epoch(nn.BatchNorm2d(3), 5, batch_size=4) == [4]


class Loader(list):
    """That of MMPretrain's `vis_scheduler`."""

    dataset = SimpleNamespace(metainfo=None)


def test_a_simulated_loader_is_left_alone():
    runner = SimpleNamespace(visualizer=SimpleNamespace(), cfg={})
    assert EpochLoop(runner, Loader(range(5)), max_epochs=3).max_iters == 15


def test_an_epoch_without_a_batch_is_refused():
    class Batches(BatchSampler):
        """Of a library: not ours to change."""

    batches = Batches(SequentialSampler(range(3)), 4, drop_last=True)
    with pytest.raises(ValueError, match=r'has 3 samples .* no batch in an epoch'):
        epoch(nn.BatchNorm2d(3), 3, batch_sampler=batches)


def test_configs_find_it():
    assert LOOPS.get('hrnet_mm.EpochLoop') is EpochLoop


def test_a_compiled_step_may_make_data_samples(monkeypatch):
    """Models do, in each step; Dynamo of torch 2.15 stops at their arrays."""
    monkeypatch.setattr(BaseDataElement, 'set_metainfo', BaseDataElement.set_metainfo)
    runner = SimpleNamespace(visualizer=SimpleNamespace(), cfg=dict(compile=True))
    EpochLoop(runner, Loader([0]), max_epochs=1)

    def step(x: torch.Tensor) -> torch.Tensor:
        sample = BaseDataElement()
        sample.set_metainfo(dict(center=np.zeros(2)))
        return x + 1

    assert torch.compile(step, backend='eager')(torch.zeros(1)) == 1
