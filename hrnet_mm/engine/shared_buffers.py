"""Shared memory that a worker uses for one batch after another."""

from __future__ import annotations

import os
from multiprocessing import active_children
from typing import Any

import numpy as np
import torch
from torch import Tensor

HEADER = 64  # bytes before the content; the first one is 1 until the content is copied
UNIT = 1 << 20  # sizes of buffers are multiples of it
NUMERIC = 'biuf'  # kinds of dtypes

Message = tuple[Any, ...]


class SharedBuffers:
    """The shared memory through which a process sends large arrays.

    By default each array that a worker sends gets new shared memory, whose pages the
    system clears and maps one by one in both processes. This takes longer than to copy
    the content. Here a buffer is used again as soon as the receiver has copied its
    content. There are as many buffers as arrays are on their way.
    """

    def __init__(self) -> None:
        self._process = 0
        self._buffers: list[Tensor] = []
        self._sent: set[int] = set()

    def store(self, array: np.ndarray) -> Message:
        """Copy an array to a buffer.

        Args:
            array: Of numbers; of any strides.

        Returns:
            The arguments of ``fetch``, to be sent.
        """
        if self._process != os.getpid():  # a fork has buffers of its own
            self._process, self._buffers, self._sent = os.getpid(), [], set()
        # views of images, (C, H, W), are stored as the images, (H, W, C)
        order = np.argsort([-abs(stride) for stride in array.strides], kind='stable')
        stored = array.transpose(order)
        index = self._free(HEADER + stored.nbytes)
        buffer = self._buffers[index]
        np.copyto(_content(buffer, stored.shape, stored.dtype), stored)
        handle = None if index in self._sent else buffer
        self._sent.add(index)
        key = (self._process, index)
        return key, handle, stored.shape, stored.dtype, tuple(np.argsort(order))

    def _free(self, size: int) -> int:
        free = [
            (buffer.numel(), index)
            for index, buffer in enumerate(self._buffers)
            if buffer.numel() >= size and not buffer[0]
        ]
        if free:
            index = min(free)[1]
        else:
            index = len(self._buffers)
            rounded = -(-size // UNIT) * UNIT
            self._buffers.append(
                torch.zeros(rounded, dtype=torch.uint8).share_memory_()
            )
        self._buffers[index][0] = 1
        return index


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
        alive = {child.pid for child in active_children()} | {key[0]}
        for other in [it for it in _received if it[0] not in alive]:
            del _received[other]
        _received[key] = handle
    buffer = _received[key]
    array = _content(buffer, shape, dtype).copy()
    buffer[0] = 0
    return array.transpose(order)
