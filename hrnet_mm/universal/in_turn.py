"""Several data sets, each with labels of other tasks, in every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, count, islice
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from torch.utils.data import ConcatDataset, Dataset, Sampler

from hrnet_mm.engine.seeding import SeededIndex
from hrnet_mm.registry import DATA_SAMPLERS, DATASETS

from .samples import TaskSamples


@DATASETS.register_module()
class OneTask(Dataset):
    """A data set of one library whose samples are ``TaskSamples`` of one task.

    Args:
        task: The name of the task.
        dataset: The config of the data set with its own pipeline, and with ``_scope_``,
            the library in which its names are looked up.
    """

    def __init__(self, task: str, dataset: dict[str, Any]) -> None:
        self.task = task
        self.dataset = DATASETS.build(dataset)

    @property
    def task_data(self) -> dict[str, Any]:
        """The data set, by the name of the task."""
        return {self.task: self.dataset}

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo of the data set, by the name of the task."""
        return {self.task: self.dataset.metainfo}

    def full_init(self) -> None:
        """Read the annotations."""
        self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, idx: int) -> dict[str, Any]:
        packed = self.dataset[idx]
        samples = TaskSamples(**{self.task: packed['data_samples']})
        return packed | dict(data_samples=samples)


@DATASETS.register_module()
class DatasetsInTurn(ConcatDataset):
    """Data sets whose samples are ``TaskSamples``, one after another.

    For training, ``hrnet_mm.TaskBatchSampler`` takes samples of each of them for every
    batch. For validation, use ``DefaultSampler`` with ``shuffle=False``.

    Args:
        datasets: The config of each data set, ``hrnet_mm.SameImages`` or
            ``hrnet_mm.OneTask``, by any name.

    Raises:
        ValueError: If two data sets have the same task.
    """

    datasets: list[Any]

    def __init__(self, datasets: Mapping[str, dict[str, Any]]) -> None:
        self.names = [*datasets]
        super().__init__([DATASETS.build(data) for data in datasets.values()])
        of: dict[str, str] = {}
        for name, data in zip(self.names, self.datasets, strict=True):
            for task in data.metainfo:
                if of.setdefault(task, name) != name:
                    raise ValueError(
                        f'the data sets {of[task]} and {name} both have the task '
                        f'{task}: a task has one data set, which may be a concatenation'
                    )

    @property
    def task_data(self) -> dict[str, Any]:
        """The data set of each task."""
        return {
            task: found
            for data in self.datasets
            for task, found in data.task_data.items()
        }

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo of each task, and ``num_samples``, the size of its data set.

        A metric of the task has as many results, while the validation loop counts the
        samples of all data sets.
        """
        return {
            task: facts | dict(num_samples=len(data))
            for data in self.datasets
            for task, facts in data.metainfo.items()
        }


@DATA_SAMPLERS.register_module()
class TaskBatchSampler(Sampler):
    """Batches with samples of each data set of ``hrnet_mm.DatasetsInTurn``.

    An epoch ends when each data set was seen at least once. Those that end earlier
    start again in another order. The processes of a distributed job take turns in one
    order, so that they have other samples and the same number of batches. Order and
    augmentation depend only on the seed, the epoch and the number of processes, so that
    a job resumes in the middle of an epoch.

    Args:
        sampler: The sampler of the loader, which knows the data set, the seed, the
            epoch and the process, and whether to shuffle.
        batch_size: The number of samples of each data set in a batch of one process,
            such as ``dict(coco=4, faces=2)``. In a config it is an argument of
            ``batch_sampler``; ``batch_size`` of the loader is then their sum, by which
            the learning rate is scaled, and ``drop_last=False``.

    Raises:
        ValueError: If the data set is of another kind, or ``batch_size`` does not have
            a number of at least 1 for each data set.
    """

    def __init__(self, sampler: DefaultSampler, batch_size: Mapping[str, int]) -> None:
        data = sampler.dataset
        if not isinstance(data, DatasetsInTurn):
            raise ValueError(
                'TaskBatchSampler takes samples of the data sets of '
                f'hrnet_mm.DatasetsInTurn, not of a {type(data).__name__}'
            )
        sizes = dict(batch_size) if isinstance(batch_size, Mapping) else {}
        if sizes.keys() != {*data.names} or min(sizes.values()) < 1:
            raise ValueError(
                f'batch_size={batch_size} of TaskBatchSampler must have a number of at '
                f'least 1 for each of the data sets {", ".join(data.names)}'
            )
        self.sampler = sampler
        self.batch_size = [int(sizes[name]) for name in data.names]

    def __len__(self) -> int:
        """The number of batches of an epoch, the same for all processes."""
        return max(
            -(-len(data) // (size * self.sampler.world_size))  # rounded up
            for data, size in self._parts()
        )

    def __iter__(self) -> Iterator[list[int]]:
        streams = [
            (self._indices(number, len(data)), size)
            for number, (data, size) in enumerate(self._parts())
        ]
        for _ in range(len(self)):
            yield [index for stream, size in streams for index in islice(stream, size)]

    def _parts(self) -> Iterator[tuple[Any, int]]:
        return zip(self.sampler.dataset.datasets, self.batch_size, strict=True)

    def _indices(self, number: int, length: int) -> Iterator[int]:
        # without end; those of this process
        sampler = self.sampler
        ends = sampler.dataset.cumulative_sizes
        seed = (sampler.seed, sampler.epoch)

        def order(again: int) -> Iterator[int]:
            indices = np.arange(length)
            if sampler.shuffle:
                indices = np.random.default_rng((*seed, number, again)).permutation(
                    length
                )
            for index in (indices + ends[number] - length).tolist():
                yield SeededIndex(index, (*seed, index, again))

        endless = chain.from_iterable(map(order, count()))
        return islice(endless, sampler.rank, None, sampler.world_size)
