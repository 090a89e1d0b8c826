"""Data preprocessor of several tasks on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import ImgDataPreprocessor
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor

from hrnet_mm.messages import shortened
from hrnet_mm.registry import MODELS

from .samples import TaskSamples


@MODELS.register_module()
class UniversalPreprocessor(ImgDataPreprocessor):
    """Normalizes the images and groups them by their tasks.

    The samples of all tasks get the sizes that the data preprocessors of mmdet, mmseg
    and mmpose write: ``batch_input_shape``, ``pad_shape`` and ``padding_size``; boxes
    become tensors.

    Args:
        kwargs: Arguments of mmengine's ``ImgDataPreprocessor``: ``mean``, ``std``,
            ``bgr_to_rgb``, ``pad_size_divisor`` ...
    """

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalize and batch images.

        Args:
            data: ``inputs``, N images of (C, H, W), and ``data_samples``, N
                ``TaskSamples``.
            training: Whether the batch is one of training, whose labels have the size
                of the batch.

        Returns:
            ``inputs``, a list with a tensor for each set of tasks, and
            ``data_samples``, a list of their samples.

        Raises:
            ValueError: If training images of the same tasks have several sizes.
        """
        groups: dict[tuple[str, ...], list[int]] = {}
        for i, sample in enumerate(data['data_samples']):
            groups.setdefault(tuple(sample.tasks), []).append(i)
        inputs, samples = [], []
        for names, members in sorted(groups.items()):  # in one order on all ranks
            images = [data['inputs'][i] for i in members]
            of_group = [data['data_samples'][i] for i in members]
            done = super().forward(dict(inputs=images, data_samples=of_group), training)
            if training:
                _check_sizes(names, images, done['inputs'])
            _set_sizes(done['data_samples'], images, done['inputs'])
            inputs.append(done['inputs'])
            samples.append(done['data_samples'])
        return dict(inputs=inputs, data_samples=samples)


def _check_sizes(names: Sequence[str], images: Sequence[Tensor], batch: Tensor) -> None:
    sizes = {tuple(image.shape[1:]) for image in images}
    if sizes != {tuple(batch.shape[2:])}:
        raise ValueError(
            f'the training images of {shortened([*names])} have the sizes '
            f'{sorted(sizes)} (height, width) and are padded to '
            f'{tuple(batch.shape[2:])}, but their labels are not: give all one size '
            'with hrnet_mm.JointAffine, a multiple of pad_size_divisor'
        )


def _set_sizes(
    samples: Sequence[TaskSamples], images: Sequence[Tensor], batch: Tensor
) -> None:
    height, width = batch.shape[2:]
    for sample, image in zip(samples, images, strict=True):
        bottom, right = height - image.shape[1], width - image.shape[2]
        sizes = dict(
            batch_input_shape=(height, width),
            pad_shape=(height, width),
            padding_size=(0, right, 0, bottom),  # left, right, top, bottom
        )
        for name in sample.tasks:
            of_task = sample.get(name)
            of_task.set_metainfo(sizes)
            _unwrap_boxes(of_task)


def _unwrap_boxes(sample: BaseDataElement) -> None:
    # MMDetection's transforms work on box classes, its heads on tensors
    for instances in sample.values():
        if isinstance(instances, InstanceData) and 'bboxes' in instances:
            instances.bboxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
