"""Times functions that take turns in one process, so that ratios mean something."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hrnet_mm.inference.fused_conv import FusedConv

DENSE = (256, 64, 48)
"""Channels, height and width of the convolution that stands for the machine's peak."""

DENSE_BATCH = dict(cpu=1, cuda=128)
"""Images at once: one does not fill a GPU."""


ALLOCATORS = ('tcmalloc', 'jemalloc', 'mimalloc')


@dataclass
class Timing:
    """What was measured of one function.

    Attributes:
        seconds: Of each round.
        faults: Page faults of each round: memory that the system handed out anew.
    """

    seconds: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)


def take_turns(
    cases: Mapping[str, Callable[[], Any]], rounds: int, progress: Callable[[str], None]
) -> dict[str, Timing]:
    """Time each function once a round, each round in another order.

    Neighbours on the machine and its temperature change slowly: what they do to one
    function they do to the others of the round. Before it is timed, each function runs
    once: caches and heap are then as it leaves them itself. Without that, the heap that
    the function before it left behind made the same network 15 % faster or slower.
    """
    timings = {name: Timing() for name in cases}
    order, generator = list(cases), random.Random(0)
    for _ in range(rounds):
        generator.shuffle(order)
        for name in order:
            progress(name)
            cases[name]()
            synchronize()
            faults, start = page_faults(), time.perf_counter()
            cases[name]()
            synchronize()
            timings[name].seconds.append(time.perf_counter() - start)
            timings[name].faults.append(page_faults() - faults)
    return timings


def dense_macs(device: str) -> int:
    """Multiplications of ``dense_convolution``."""
    return DENSE_BATCH[device] * 9 * DENSE[0] ** 2 * DENSE[1] * DENSE[2]


def dense_convolution(bf16: bool, device: str) -> Callable[[], Tensor]:
    """The densest arithmetic that a network can hope for: ``dense_macs``.

    Not a product of matrices: MKL takes a slow path for those on processors of AMD.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    conv = FusedConv(nn.Conv2d(DENSE[0], DENSE[0], 3, padding=1)).to(device, dtype)
    x = torch.randn(DENSE_BATCH[device], *DENSE, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> Tensor:
        return conv(x)

    return run


def page_faults() -> int:
    """How many this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def synchronize() -> None:
    """Until a GPU has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def allocator() -> str:
    """Who hands out the memory of this process on CPU."""
    try:
        mapped = Path('/proc/self/maps').read_text()
    except OSError:
        return 'the default allocator'
    return next((name for name in ALLOCATORS if name in mapped), 'glibc malloc')


def saved_for_backward(model: nn.Module, forward: Callable[[], Any]) -> int:
    """Bytes that a forward keeps for the backward; memory that is shared counts once.

    Weights are not counted: they are there anyway.
    """
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # not the tensor itself: an operator that saves its own output would hold itself
        # through it, and nothing of the graph would ever be freed
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()  # or memory is freed and handed out again while counting
    for parameter in model.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del result
    return sum(kept.values())
