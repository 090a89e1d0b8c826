"""What several processes win, and what their communication takes.

``torchrun --nproc-per-node 2 -m benchmarks.processes``: in turns one process trains
alone, all train and average their gradients, all train without averaging. Then, on
paper, 8 to 512 GPUs.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import click
import torch
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from hrnet_mm.models import HRNet
from hrnet_mm.models.arch import ARCHS

from .report import spread, table

ROUNDS = 7
SIZE = (256, 192)

# On paper: a node of eight GPUs, NVLink within, a network card of 200 Gbit/s for each
# GPU between; of both, what NCCL reaches of it.
NODE = 8
WITHIN = 300e9
BETWEEN = 20e9
LATENCY = 15e-6  # of a message from GPU to GPU
STEP = 0.051  # a step of 64 images in bfloat16 as CUDA graph, H200: docs/performance.md
BATCH = 64


@dataclass
class Estimate:
    """A training step of many GPUs.

    Attributes:
        gpus: How many.
        parameters: Of the model; gradients are float32.
        seconds: A step without communication.
    """

    gpus: int
    parameters: int
    seconds: float = STEP

    @property
    def bytes(self) -> float:
        """That each GPU sends in a ring: 2 (n - 1) / n times the gradients."""
        return 2 * (self.gpus - 1) / self.gpus * 4 * self.parameters

    @property
    def communication(self) -> float:
        """Seconds: the slowest link, and the latency of a tree over the nodes."""
        slowest = WITHIN if self.gpus <= NODE else BETWEEN
        return self.bytes / slowest + 2 * self.gpus.bit_length() * LATENCY

    @property
    def share(self) -> float:
        """Of a step that communication takes, if none of it is hidden."""
        return self.communication / (self.seconds + self.communication)


def paper(arch: str) -> str:
    """A table for 8 to 512 GPUs."""
    with torch.device('meta'):
        model = HRNet(arch, multiscale_output=False)
    parameters = sum(p.numel() for p in model.parameters())
    rows = []
    for gpus in (8, 16, 64, 128, 512):
        guess = Estimate(gpus, parameters)
        rate = gpus * BATCH / (guess.seconds + guess.communication)
        rows.append(
            (
                f'{gpus}',
                f'{guess.bytes / 1e6:.0f}',
                f'{1000 * guess.communication:.1f}',
                f'{guess.share:.0%}',
                f'{rate:,.0f}',
            )
        )
    return table(('GPUs', 'MB a GPU sends', 'ms', 'share of a step', 'images/s'), rows)


class Step:
    """A training step of one process.

    Args:
        arch: See ``hrnet_mm.ARCHS``.
        batch: Images.
        device: Where to compute.
    """

    def __init__(self, arch: str, batch: int, device: torch.device) -> None:
        trunk = HRNet(arch, multiscale_output=False).to(device)
        trunk = trunk.to(memory_format=torch.channels_last)
        # as mmengine has it; or one process alone would wait for the others
        self.model: Any = DistributedDataParallel(trunk, broadcast_buffers=False)
        self.x = torch.randn(batch, 3, *SIZE, device=device)
        self.optimizer = torch.optim.SGD(trunk.parameters(), lr=0.0)

    def __call__(self, average: bool) -> None:
        """Forward, backward, update."""
        averaging = nullcontext() if average else self.model.no_sync()
        with averaging:
            self.model(self.x)[0].square().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.x.is_cuda:
            torch.cuda.synchronize()


def seconds(step: Step, average: bool, alone: bool) -> float:
    """Of a step; all wait for the last one."""
    dist.barrier()
    start = time.perf_counter()
    if not alone or dist.get_rank() == 0:
        step(average)
    dist.barrier()
    return time.perf_counter() - start


@click.command()
@click.option('--arch', default='w32', type=click.Choice(list(ARCHS)))
@click.option('--batch', default=4, help='Images of a process.')
def main(arch: str, batch: int) -> None:
    """One process, all processes, with and without communication."""
    cuda = torch.cuda.is_available()
    dist.init_process_group('nccl' if cuda else 'gloo')
    device = torch.device('cuda', int(os.environ['LOCAL_RANK'])) if cuda else 'cpu'
    if cuda:
        torch.cuda.set_device(device)
    step = Step(arch, batch, torch.device(device))
    cases = {
        'one process': (False, True),
        'all': (True, False),
        'all, without averaging': (False, False),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(ROUNDS + 1):
        for name, case in cases.items():
            taken = seconds(step, *case)
            times[name] += [taken] * (round_ > 0)
    if dist.get_rank() == 0:
        count = dist.get_world_size()
        pairs = list(zip(*times.values(), strict=True))
        won = [count * one / all_ for one, all_, _ in pairs]
        lost = [1 - without / all_ for _, all_, without in pairs]
        click.echo(
            f'{count} processes, {arch}, {batch} images each: '
            f'{spread(won, ".2f", " times the images/s of one")}, '
            f'{spread(lost, ".0%", " of a step is communication")}\n'
        )
        click.echo(paper(arch))
    dist.destroy_process_group()


if __name__ == '__main__':
    main()
