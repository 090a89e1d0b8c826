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

SIDE = 2048
"""Of the matrices whose product is taken for the peak of the machine."""

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
    """Call each function once a round, each round in another order.

    Neighbours on the machine, its temperature and its memory change slowly: what they
    do to one function they do to the others of the round. One more round before the
    others does not count.
    """
    timings = {name: Timing() for name in cases}
    order, generator = list(cases), random.Random(0)
    for number in range(rounds + 1):
        generator.shuffle(order)
        for name in order:
            progress(name)
            faults, start = page_faults(), time.perf_counter()
            cases[name]()
            synchronize()
            seconds = time.perf_counter() - start
            if number:
                timings[name].seconds.append(seconds)
                timings[name].faults.append(page_faults() - faults)
    return timings


def matrix_product(bf16: bool, device: str) -> Callable[[], Tensor]:
    """The densest arithmetic there is: ``SIDE**3`` multiplications."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    a = torch.randn(SIDE, SIDE, device=device).to(dtype)
    return lambda: a @ a


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
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()  # or memory is freed and handed out again while counting
    for parameter in model.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del result
    return sum(kept.values())
