"""Collating of samples into batches, in the workers of a data loader."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from hrnet_mm.images import planes
from hrnet_mm.registry import FUNCTIONS

from .shared_buffers import NUMERIC, SharedBuffers, fetch

SMALL = 64 << 10
"""Largest size in bytes of a tensor or array that is sent as part of a message."""

_buffers = SharedBuffers()


class Batch(dict):
    """A batch, which a worker sends as one message.

    By default, each tensor that a worker sends gets shared memory and a file descriptor
    of its own, and arrays go through a pipe in pieces. The training process spends more
    time on these than on the content. Here small tensors are part of the message, and
    large tensors and arrays go through shared memory that is used again and again.
    """


class _Pickler(ForkingPickler):
    def reducer_override(self, obj: Any) -> Any:
        plain = type(obj) is Tensor and obj.is_cpu and obj.dtype != torch.bfloat16
        if plain and not obj.is_shared():
            return torch.from_numpy, (obj.detach().numpy(),)
        if type(obj) is np.ndarray and obj.nbytes > SMALL and obj.dtype.kind in NUMERIC:
            return fetch, _buffers.store(obj)
        return NotImplemented


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
