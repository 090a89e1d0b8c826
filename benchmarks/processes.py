"""Speedup of data-parallel training, and the cost of its communication.

``torchrun --nproc-per-node 2 -m benchmarks.processes`` times, in turns, a training step
of one process, of all processes, and of all processes without gradient averaging. Then
it prints an estimate for 8 to 512 GPUs.
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

# Assumptions of the estimate: nodes with eight GPUs, NVLink within a node, and a
# network card of 200 Gbit/s for each GPU. Bandwidths are those that NCCL reaches.
GPUS_PER_NODE = 8
NVLINK_BANDWIDTH = 300e9  # bytes per second
NETWORK_BANDWIDTH = 20e9  # bytes per second
LATENCY = 15e-6  # seconds, of a message from GPU to GPU
STEP_SECONDS = 0.051  # 64 images, bfloat16, CUDA graph, H200: docs/performance.md
BATCH = 64


@dataclass
class Estimate:
    """Estimated communication of a training step on many GPUs.

    Attributes:
        gpus: Number of GPUs.
        parameters: Number of parameters; gradients are float32.
        seconds: Duration of a step without communication.
    """

    gpus: int
    parameters: int
    seconds: float = STEP_SECONDS

    @property
    def bytes(self) -> float:
        """Bytes that each GPU sends in a ring all-reduce: 2 (n - 1) / n gradients."""
        return 2 * (self.gpus - 1) / self.gpus * 4 * self.parameters

    @property
    def communication(self) -> float:
        """Seconds for the slowest link, plus the latency of a tree over the GPUs."""
        one_node = self.gpus <= GPUS_PER_NODE
        slowest = NVLINK_BANDWIDTH if one_node else NETWORK_BANDWIDTH
        return self.bytes / slowest + 2 * self.gpus.bit_length() * LATENCY

    @property
    def share(self) -> float:
        """Share of communication in a step, if it does not overlap with computation."""
        return self.communication / (self.seconds + self.communication)


def estimate_table(arch: str) -> str:
    """Return a Markdown table with estimates for 8 to 512 GPUs."""
    with torch.device('meta'):
        model = HRNet(arch, multiscale_output=False)
    parameters = sum(p.numel() for p in model.parameters())
    rows = []
    for gpus in (8, 16, 64, 128, 512):
        estimate = Estimate(gpus, parameters)
        rate = gpus * BATCH / (estimate.seconds + estimate.communication)
        rows.append(
            (
                f'{gpus}',
                f'{estimate.bytes / 1e6:.0f}',
                f'{1000 * estimate.communication:.1f}',
                f'{estimate.share:.0%}',
                f'{rate:,.0f}',
            )
        )
    return table(('GPUs', 'MB a GPU sends', 'ms', 'share of a step', 'images/s'), rows)


class _TrainingStep:
    def __init__(self, arch: str, batch: int, device: torch.device) -> None:
        trunk = HRNet(arch, multiscale_output=False).to(device)
        trunk = trunk.to(memory_format=torch.channels_last)
        # Buffers are not broadcast, as in mmengine. Otherwise a process that trains
        # alone would wait for the others.
        self.model: Any = DistributedDataParallel(trunk, broadcast_buffers=False)
        self.x = torch.randn(batch, 3, *SIZE, device=device)
        self.optimizer = torch.optim.SGD(trunk.parameters(), lr=0.0)

    def __call__(self, average: bool) -> None:
        averaging = nullcontext() if average else self.model.no_sync()
        with averaging:
            self.model(self.x)[0].square().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.x.is_cuda:
            torch.cuda.synchronize()


def _time_step(step: _TrainingStep, average: bool, alone: bool) -> float:
    # until the last process has finished
    dist.barrier()
    start = time.perf_counter()
    if not alone or dist.get_rank() == 0:
        step(average)
    dist.barrier()
    return time.perf_counter() - start


@click.command()
@click.option('--arch', default='w32', type=click.Choice(list(ARCHS)))
@click.option('--batch', default=4, help='Images per process.')
def main(arch: str, batch: int) -> None:
    """Time one process, and all processes with and without communication."""
    cuda = torch.cuda.is_available()
    dist.init_process_group('nccl' if cuda else 'gloo')
    device = torch.device('cuda', int(os.environ['LOCAL_RANK'])) if cuda else 'cpu'
    if cuda:
        torch.cuda.set_device(device)
    step = _TrainingStep(arch, batch, torch.device(device))
    cases = {
        'one process': (False, True),
        'all': (True, False),
        'all, without averaging': (False, False),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(ROUNDS + 1):
        for name, case in cases.items():
            taken = _time_step(step, *case)
            times[name] += [taken] * (round_ > 0)
    if dist.get_rank() == 0:
        count = dist.get_world_size()
        pairs = list(zip(*times.values(), strict=True))
        speedups = [count * one / all_ for one, all_, _ in pairs]
        shares = [1 - without / all_ for _, all_, without in pairs]
        click.echo(
            f'{count} processes, {arch}, {batch} images each: '
            f'{spread(speedups, ".2f", " times the images/s of one")}, '
            f'{spread(shares, ".0%", " of a step is communication")}\n'
        )
        click.echo(estimate_table(arch))
    dist.destroy_process_group()


if __name__ == '__main__':
    main()
