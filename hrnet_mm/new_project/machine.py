"""What the machine can train with."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Machine:
    """A machine.

    Args:
        cores: The number of CPU cores of this process.
        memory: The memory of its first GPU in bytes; 0 without a GPU.
        name: The name of the GPU.
    """

    cores: int
    memory: int = 0
    name: str = ''

    @property
    def label(self) -> str:
        """The machine in words."""
        if self.memory:
            return f'{self.name}, {self.memory / 2**30:.0f} GiB'
        return f'no GPU, {self.cores} CPU cores'


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    affinity = getattr(os, 'sched_getaffinity', None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if not torch.cuda.is_available():
        return Machine(cores)
    properties = torch.cuda.get_device_properties(0)
    return Machine(cores, properties.total_memory, properties.name)
