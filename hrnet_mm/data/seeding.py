"""Augmentation that depends on (seed, epoch, sample) and on nothing else.

The stock loaders draw it from the state of each worker process, which no checkpoint
holds: a resumed job, or one with other workers or GPUs, sees other images. Here the
sampler writes the epoch into each index, and the first transform seeds with it; so a
job that was killed goes on with the losses of one that was not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import DefaultSampler

from hrnet_mm.registry import DATA_SAMPLERS, TRANSFORMS


class SeededIndex(int):
    """An index into a data set that also carries the seed of its augmentation."""

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...] = ()) -> SeededIndex:
        """An ``int`` in every other respect, so that any data set takes it."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __sub__(self, other: int) -> SeededIndex:
        """What ``ConcatDataset`` asks the data set that holds the sample for."""
        return SeededIndex(int(self) - other, self.seed)

    def __mod__(self, other: int) -> SeededIndex:
        """What ``RepeatDataset`` asks the data set that it repeats for."""
        return SeededIndex(int(self) % other, self.seed)

    def __reduce__(self) -> tuple[Any, ...]:
        return SeededIndex, (int(self), self.seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """``DefaultSampler`` whose indices carry (seed, epoch, index)."""

    def __iter__(self) -> Iterator[SeededIndex]:
        for index in super().__iter__():
            yield SeededIndex(index, (self.seed, self.epoch, index))


@TRANSFORMS.register_module()
class SeedSample(BaseTransform):
    """Seeds ``random`` and ``numpy`` from the index that ``SeededSampler`` gave.

    With the index of another sampler, as in validation, it does nothing.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Leave ``results`` as they are."""
        seed = getattr(results.get('sample_idx'), 'seed', ())
        if seed:
            state = np.random.SeedSequence(seed).generate_state(1)[0]
            np.random.seed(state)
            random.seed(int(state))
        return results
