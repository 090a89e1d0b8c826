"""What the machine can train with."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hrnet_mm.engine.data_loading import count_cores


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
    cores = count_cores()
    if not torch.cuda.is_available():
        return Machine(cores)
    properties = torch.cuda.get_device_properties(0)
    return Machine(cores, properties.total_memory, properties.name)
