"""Timing of functions in one process, interleaved so that ratios are reliable."""

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
"""Channels, height and width of the convolution that measures peak throughput."""

DENSE_BATCH = dict(cpu=1, cuda=128)
"""Batch size of this convolution; one image does not fill a GPU."""

ALLOCATORS = ('tcmalloc', 'jemalloc', 'mimalloc')


@dataclass
class Timing:
    """Measurements of one function.

    Attributes:
        seconds: Duration in each round.
        faults: Page faults in each round, one for each newly allocated page.
    """

    seconds: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)


def time_interleaved(
    cases: Mapping[str, Callable[[], Any]], rounds: int, progress: Callable[[str], None]
) -> dict[str, Timing]:
    """Time each function once per round, in a different order in each round.

    Load and temperature of a machine change slowly, so they affect all functions of a
    round alike. Each function runs once untimed before it is timed, so that caches and
    heap are in the state that the function itself leaves. Without this, the heap of the
    previous function made the same network up to 15 % faster or slower.

    Args:
        cases: Functions by name.
        rounds: Number of rounds.
        progress: Called with the name before each function.
    """
    timings = {name: Timing() for name in cases}
    order, generator = list(cases), random.Random(0)
    for _ in range(rounds):
        generator.shuffle(order)
        for name in order:
            progress(name)
            cases[name]()
            _synchronize()
            faults, start = _page_faults(), time.perf_counter()
            cases[name]()
            _synchronize()
            timings[name].seconds.append(time.perf_counter() - start)
            timings[name].faults.append(_page_faults() - faults)
    return timings


def dense_macs(device: str) -> int:
    """Return the multiply-accumulate operations of ``dense_convolution``."""
    return DENSE_BATCH[device] * 9 * DENSE[0] ** 2 * DENSE[1] * DENSE[2]


def dense_convolution(bf16: bool, device: str) -> Callable[[], Tensor]:
    """Return a function that runs a convolution of ``dense_macs`` operations.

    Its throughput stands for the peak of the machine. A matrix product would not, since
    MKL takes a slow path for it on AMD processors.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    conv = FusedConv(nn.Conv2d(DENSE[0], DENSE[0], 3, padding=1)).to(device, dtype)
    x = torch.randn(DENSE_BATCH[device], *DENSE, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> Tensor:
        return conv(x)

    return run


def _page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def allocator() -> str:
    """Return the name of the memory allocator of this process."""
    try:
        mapped = Path('/proc/self/maps').read_text()
    except OSError:
        return 'the default allocator'
    return next((name for name in ALLOCATORS if name in mapped), 'glibc malloc')


def saved_for_backward(model: nn.Module, forward: Callable[[], Any]) -> int:
    """Return the bytes of activations that a forward saves for the backward.

    Shared memory is counted once, and weights are not counted.
    """
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # Detached, because an operator that saves its own output would otherwise
        # reference itself, and the graph would never be freed.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()  # kept, so that no memory is reused while counting
    for parameter in model.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del result
    return sum(kept.values())
