"""Augmentation that depends on (seed, epoch, sample) and on nothing else.

The stock loaders draw it from the state of each worker process, which no checkpoint
holds: a resumed job, or one with other workers or GPUs, sees other images. Here the
sampler writes the epoch into each index, and our data sets seed with it before they
read a sample; so a killed job resumes with exactly the losses it would have had.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_rank
from mmengine.runner import Runner

from hrnet_mm.registry import DATA_SAMPLERS, HOOKS, TRANSFORMS

from .optional_hook import OptionalHook


class SeededIndex(int):
    """An index into a data set that also carries the seed of its augmentation.

    Wrappers that compute another index by subtraction or modulo pass the seed on. Those
    that look it up or draw it lose the seed: ``ClassBalancedDataset``, and
    ``CombinedDataset`` with ``sample_ratio_factor``.
    """

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...]) -> SeededIndex:
        """An ``int`` in every other respect, so that any data set takes it."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __sub__(self, other: int) -> SeededIndex:
        """Index a part of a ``ConcatDataset`` or ``CombinedDataset``."""
        return SeededIndex(int(self) - other, self.seed)

    def __mod__(self, other: int) -> SeededIndex:
        """Index the data set that a ``RepeatDataset`` repeats."""
        return SeededIndex(int(self) % other, self.seed)

    def __reduce__(self) -> tuple[Any, ...]:
        return SeededIndex, (int(self), self.seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """``DefaultSampler`` whose indices carry (seed, epoch, index)."""

    def __iter__(self) -> Iterator[SeededIndex]:
        for index in super().__iter__():
            yield SeededIndex(index, (self.seed, self.epoch, index))


def seed_once(index: int) -> int:
    """Seed ``random`` and ``numpy`` from the index that ``SeededSampler`` gave.

    Args:
        index: Of a sample. Without a seed, as in validation and for the other images of
            a mosaic, it leaves both generators as they are.

    Returns:
        The index without its seed. Whoever seeds from it again would repeat what was
        drawn since, and so correlate one transform with another.
    """
    if not isinstance(index, SeededIndex):
        return index
    words = np.random.SeedSequence(index.seed).generate_state(8)
    np.random.seed(words[:4])
    random.seed(words[4:].tobytes())
    return int(index)


@TRANSFORMS.register_module()
class SeedSample(BaseTransform):
    """Seeds the augmentation of a data set that is not ours.

    Write it first into the pipeline, and ``hrnet_mm.SeededSampler`` as the sampler. The
    data sets of ``hrnet_mm`` seed by themselves; in their pipelines it does nothing.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Take the seed out of ``sample_idx``; nothing else changes."""
        if 'sample_idx' in results:
            results['sample_idx'] = seed_once(results['sample_idx'])
        return results


@HOOKS.register_module()
class SeedStepHook(OptionalHook):
    """Seeds what the model itself draws from (seed, step, rank): dropout, CutMix.

    No checkpoint holds the state of torch's and numpy's generators, so a resumed job
    would draw something else. For augmentation see ``hrnet_mm.engine.seeding``.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Before each step."""
        seed = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        np.random.seed(seed.generate_state(1))
