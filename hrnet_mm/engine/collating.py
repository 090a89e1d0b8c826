"""Collating of samples into batches, in the workers of a data loader."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.utils.data import get_worker_info

from hrnet_mm.images import planes
from hrnet_mm.registry import FUNCTIONS

from .shared_buffers import SharedBuffers, fetch

SMALL = 64 << 10
"""Largest size in bytes of a tensor that is sent as part of a message."""

_buffers = SharedBuffers()


class Batch(dict):
    """A batch, which a worker sends as one message.

    By default, each tensor that a worker sends gets shared memory and a file descriptor
    of its own. The training process spends more time on these than on the content. Here
    small tensors are part of the message, and large ones go through shared memory that
    is used again and again.
    """


class _Pickler(ForkingPickler):
    def reducer_override(self, obj: Any) -> Any:
        plain = type(obj) is Tensor and obj.is_cpu and obj.dtype != torch.bfloat16
        if not plain or obj.is_shared():
            return NotImplemented
        array = obj.detach().numpy()
        if obj.nbytes > SMALL:
            if (
                get_worker_info() is None
            ):  # others may send a batch to several processes
                return NotImplemented
            if stored := _buffers.store(array):
                return _fetch, stored
        return torch.from_numpy, (array,)


def _fetch(*stored: Any) -> Tensor:
    return torch.from_numpy(fetch(*stored))


def _reduce(batch: Batch) -> tuple[Any, ...]:
    message = io.BytesIO()
    _Pickler(message, pickle.HIGHEST_PROTOCOL).dump({**batch})
    return _restore, (message.getvalue(),)


def _restore(message: bytes) -> Batch:
    return Batch(pickle.loads(message))


ForkingPickler.register(Batch, _reduce)


@FUNCTIONS.register_module()
def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate samples, with one tensor for all images of a batch.

    ``pseudo_collate`` of mmengine, the default, returns a list of images, which the
    training process receives and normalizes one by one. All data preprocessors of
    OpenMMLab accept both.

    Args:
        samples: Dictionaries with ``inputs``, (C, H, W), and ``data_samples``. All else
            is collated as by ``pseudo_collate``.

    Returns:
        ``inputs``, (B, C, H, W) if the images have one size, else a list, and
        ``data_samples``, a list.
    """
    batch: dict[str, Any] = pseudo_collate(samples)
    images = batch['inputs']
    tensors = all(isinstance(image, Tensor) for image in images)
    if tensors and len({(image.shape, image.dtype) for image in images}) == 1:
        batch['inputs'] = _stack(images)
    return Batch(batch)


def _stack(images: Sequence[Tensor]) -> Tensor:
    if images[0].dtype == torch.uint8 and not images[0].is_contiguous():
        # views of arrays, (H, W, C)
        images = [planes(image.permute(1, 2, 0).numpy()) for image in images]
    return torch.stack([*images])
