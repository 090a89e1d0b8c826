"""Augmentation whose random numbers depend only on (seed, epoch, sample).

The stock loaders use the state of the random generators of each worker process, which
no checkpoint has: a resumed job, or one with other workers or GPUs, sees other images.
Here the sampler adds the epoch to each index, and our data sets seed with it before
they load a sample. So a killed job resumes with exactly the losses it would have had.
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
    """An index into a data set with the seed of the augmentation of that sample.

    The seed survives wrappers that compute an index by subtraction or modulo. It is
    lost in wrappers that look the index up or draw it: ``ClassBalancedDataset``, and
    ``CombinedDataset`` with ``sample_ratio_factor``.
    """

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...]) -> SeededIndex:
        """Create an ``int`` with a seed."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __sub__(self, other: int) -> SeededIndex:
        """Return the index in a part of a ``ConcatDataset`` or ``CombinedDataset``."""
        return SeededIndex(int(self) - other, self.seed)

    def __mod__(self, other: int) -> SeededIndex:
        """Return the index in the data set that a ``RepeatDataset`` repeats."""
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
    """Seed ``random`` and ``numpy`` from an index of ``SeededSampler``.

    Args:
        index: The index of a sample. One without a seed, as in validation and for the
            other images of a mosaic, does not change the generators.

    Returns:
        The index without its seed: seeding twice would correlate transforms.
    """
    if not isinstance(index, SeededIndex):
        return index
    words = np.random.SeedSequence(index.seed).generate_state(8)
    np.random.seed(words[:4])
    random.seed(words[4:].tobytes())
    return int(index)


@TRANSFORMS.register_module()
class SeedSample(BaseTransform):
    """Seeds the augmentation of a data set from outside ``hrnet_mm``.

    Use it as the first transform of the pipeline, with ``hrnet_mm.SeededSampler`` as
    the sampler. The data sets of ``hrnet_mm`` seed by themselves; in their pipelines it
    does nothing.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Seed the generators from ``sample_idx``, and remove the seed from it."""
        if 'sample_idx' in results:
            results['sample_idx'] = seed_once(results['sample_idx'])
        return results


@HOOKS.register_module()
class SeedStepHook(OptionalHook):
    """Seeds the random layers of a model, such as dropout, from (seed, step, rank).

    No checkpoint has the state of the generators of torch and numpy, so that a resumed
    job would draw other numbers. For augmentation see ``hrnet_mm.engine.seeding``.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed torch and numpy before each step."""
        seed = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        np.random.seed(seed.generate_state(1))
