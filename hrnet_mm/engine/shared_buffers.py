"""Shared memory that a worker uses for one batch after another."""

from __future__ import annotations

import os
from multiprocessing.util import Finalize
from typing import Any

import numpy as np
import torch
from torch import Tensor

HEADER = 64  # bytes before the content; the first one is the state of the buffer
FREE, FILLED, CLOSED = range(3)
UNIT = 1 << 20  # sizes of buffers are multiples of it

Message = tuple[Any, ...]


class SharedBuffers:
    """The shared memory through which a worker sends large arrays.

    By default each tensor that a worker sends gets new shared memory, whose pages the
    system clears and maps one by one in both processes. This takes longer than to copy
    the content. Here a buffer is used again as soon as the receiver has copied its
    content, and a buffer that is too small is replaced by a larger one. So there are
    never more buffers than arrays were on their way at a time.
    """

    def __init__(self) -> None:
        self._process = 0
        self._buffers: list[Tensor] = []
        self._sent: list[bool] = []

    def store(self, array: np.ndarray) -> Message | None:
        """Copy an array to a buffer.

        Args:
            array: Of numbers; of any strides.

        Returns:
            The arguments of ``fetch``, to be sent to the one process that receives.
            None if there is no shared memory left.
        """
        if self._process != os.getpid():  # a worker has none of its parent's
            self._process, self._buffers, self._sent = os.getpid(), [], []
            _received.clear()
            Finalize(self, self._close, exitpriority=0)
        # views of images, (C, H, W), are stored as the images, (H, W, C)
        order = np.argsort([-abs(stride) for stride in array.strides], kind='stable')
        stored = array.transpose(order)
        try:
            index = self._find(HEADER + stored.nbytes)
        except (OSError, RuntimeError):  # torch's, for a full /dev/shm
            return None
        buffer = self._buffers[index]
        np.copyto(_content(buffer, stored.shape, stored.dtype), stored)
        buffer[0] = FILLED
        handle = None if self._sent[index] else buffer
        self._sent[index] = True
        key = (self._process, index)
        return key, handle, stored.shape, stored.dtype, tuple(np.argsort(order))

    def _find(self, size: int) -> int:
        free = [
            (buffer.numel(), index)
            for index, buffer in enumerate(self._buffers)
            if buffer[0] == FREE
        ]
        if fitting := [it for it in free if it[0] >= size]:
            return min(fitting)[1]
        rounded = -(-size // UNIT) * UNIT
        new = torch.zeros(rounded, dtype=torch.uint8).share_memory_()
        if not free:
            self._buffers.append(new)
            self._sent.append(False)
            return len(self._buffers) - 1
        index = max(free)[1]
        self._buffers[index], self._sent[index] = new, False
        return index

    def _close(self) -> None:
        if self._process == os.getpid():
            for buffer in self._buffers:
                buffer[0] = CLOSED


def _content(buffer: Tensor, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.ndarray(shape, dtype, buffer.numpy(), offset=HEADER)


_received: dict[tuple[int, int], Tensor] = {}


def fetch(
    key: tuple[int, int],
    handle: Tensor | None,
    shape: tuple[int, ...],
    dtype: np.dtype,
    order: tuple[int, ...],
) -> np.ndarray:
    """Copy an array out of a buffer, and give the buffer back to its process.

    Args:
        key: The process and the number of its buffer.
        handle: The buffer when it is sent for the first time.
        shape: Shape as it is stored.
        dtype: Of the array.
        order: Axes of the stored array in the order of the array.
    """
    if handle is not None:
        for other in [it for it, buffer in _received.items() if buffer[0] == CLOSED]:
            del _received[other]
        _received[key] = handle
    buffer = _received[key]
    array = _content(buffer, shape, dtype).copy()
    if buffer[0] == FILLED:
        buffer[0] = FREE
    return array.transpose(order)
