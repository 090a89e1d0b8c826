"""A data set of images with the labels of several tasks."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, Compose
from mmengine.logging import print_log

from hrnet_mm.datasets.checked import CheckedCoco, CheckedData
from hrnet_mm.engine.freed_memory import keep_freed_memory
from hrnet_mm.engine.seeding import seed_once
from hrnet_mm.messages import counted
from hrnet_mm.registry import DATASETS

from .pipeline import transforms_of


@DATASETS.register_module()
class SameImages(BaseDataset):
    """Images with the labels of several tasks, each read by a data set of its library.

    The data set of the first task lists the images, and the others are joined by the
    path. An image that a bottom-up data set of MMPose does not list has no person: in
    training, MMPose lists only images with annotated people. An image that a data set
    of another kind does not list is left out. Both are counted in the log.

    Args:
        tasks: The config of the data set of each task, with ``_scope_``, the library in
            which its names are looked up. Its ``pipeline`` is replaced by the
            transforms of ``pipeline`` that the task passes through. None removes a
            task of a base config.
        pipeline: Transforms of ``dict(img_path, img_id, sample_idx, tasks)``, in which
            ``tasks`` has the sample of each task. ``hrnet_mm.PerTask`` and
            ``hrnet_mm.PackTasks`` run the transforms of a library on it.
        indices: As for ``BaseDataset``.
        lazy_init: As for ``BaseDataset``.
        max_refetch: As for ``BaseDataset``.

    Raises:
        ValueError: If two data sets have no image in common, or a data set has several
            samples of an image.
    """

    def __init__(
        self,
        tasks: Mapping[str, dict[str, Any] | None],
        pipeline: Sequence[Any],
        *,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        _check_tasks(tasks)
        steps = Compose(pipeline).transforms
        self.tasks = {
            name: DATASETS.build(
                dict(data, pipeline=transforms_of(name, steps), lazy_init=True)
            )
            for name, data in tasks.items()
            if data is not None
        }
        first = next(iter(self.tasks.values()))
        super().__init__(
            pipeline=steps,
            test_mode=first.test_mode,
            indices=indices,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    @property
    def task_data(self) -> dict[str, Any]:
        """The data set of each task."""
        return self.tasks

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo of the data set of each task."""
        return {name: data.metainfo for name, data in self.tasks.items()}

    def load_data_list(self) -> list[dict[str, Any]]:
        """Join the samples of all tasks: ``rows`` has their index, None for nobody."""
        for data in self.tasks.values():
            data.full_init()
        (_, listed), *others = [
            (name, _index_paths(name, data)) for name, data in self.tasks.items()
        ]
        kept = set(listed)
        for name, index in others:
            common = kept & index.keys()
            if not common:
                raise ValueError(
                    f'the data set of {name} has no image in common with those before: '
                    f'{next(iter(index))} and {next(iter(listed))} are images of both. '
                    'Set data_root and data_prefix so that they find the same files'
                )
            if _has_empty_images(self.tasks[name]):
                fate = 'taken as images without people'
            else:
                fate, kept = 'left out', common
            if lacking := len(listed.keys() - index.keys()):
                print_log(
                    f'SameImages: {counted(lacking, "image")} of {len(listed)} not in '
                    f'the data set of {name}: {fate}',
                    'current',
                )
        return [
            dict(rows=[row, *(index.get(path) for _, index in others)])
            for path, row in listed.items()
            if path in kept
        ]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the path of an image, and the samples of all ``tasks``."""
        sample = super().get_data_info(idx)
        infos = {
            name: data.get_data_info(row)
            for (name, data), row in zip(
                self.tasks.items(), sample['rows'], strict=True
            )
            if row is not None
        }
        first = next(iter(infos.values()))
        image = dict(
            img_path=first['img_path'],
            img_id=_image_id(infos.values(), sample['sample_idx']),
        )
        empty = {
            name: _without_people(data) | image
            for name, data in self.tasks.items()
            if name not in infos
        }
        tasks = {name: (infos | empty)[name] for name in self.tasks}
        return image | dict(sample_idx=sample['sample_idx'], tasks=tasks)

    def prepare_data(self, idx: int) -> Any:
        """Return a sample, or raise an error with the path of an unreadable file."""
        keep_freed_memory()
        idx = seed_once(idx)
        info = self.get_data_info(idx)
        try:
            sample = self.pipeline(info)
        except Exception as error:
            for name, data in self.tasks.items():
                if isinstance(data, CheckedData):
                    data.raise_if_unreadable(
                        self.get_data_info(idx)['tasks'][name], error
                    )
            raise
        for name, data in self.tasks.items():
            if sample is not None and isinstance(data, CheckedCoco):
                data.check_size(sample['data_samples'].get(name))
        return sample


def _check_tasks(tasks: Mapping[str, dict[str, Any] | None]) -> None:
    given = {name: data for name, data in tasks.items() if data is not None}
    if not given:
        raise ValueError('SameImages has no task: name the data set of at least one')
    for name, data in given.items():
        if wrapped := {'dataset', 'datasets'} & data.keys():
            raise ValueError(
                f'the data set of {name}, {data.get("type")}, has {wrapped.pop()}: '
                'SameImages joins plain data sets. Wrap SameImages instead'
            )


def _index_paths(task: str, data: Any) -> dict[str, int]:
    paths = [
        os.path.normpath(data.get_data_info(row)['img_path'])
        for row in range(len(data))
    ]
    index = {path: row for row, path in enumerate(paths)}
    if len(index) < len(paths):
        twice = next(path for row, path in enumerate(paths) if index[path] != row)
        raise ValueError(
            f'the data set of {task} has several samples of {twice}: SameImages needs '
            "one sample for each image (data_mode='bottomup' for keypoints)"
        )
    return index


def _has_empty_images(data: Any) -> bool:
    return getattr(data, 'data_mode', None) == 'bottomup'


def _without_people(data: Any) -> dict[str, Any]:
    # a sample of MMPose without a person; all its keys are lists or arrays of people,
    # except those of the image and those of the metainfo
    described = data.metainfo
    return {
        key: value
        if key in described or not isinstance(value, list | np.ndarray)
        else value[:0]
        for key, value in data.get_data_info(0).items()
    }


def _image_id(infos: Any, default: int) -> Any:
    return next((it['img_id'] for it in infos if 'img_id' in it), default)
