"""Speed and memory of a detector that trains as CUDA graphs, on batches of many sizes.

``python -m benchmarks.graph_memory`` trains Mask R-CNN W18 on a GPU, with two images in
a batch and random data, with and without graphs, which take turns. The sizes are those
of ``benchmarks.batch_sizes``.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import torch

from .batch_sizes import batches, draw_sizes, pad
from .networks import Size
from .report import spread, table
from .timing import time_interleaved
from .workload import Workload

CONFIG = (
    Path(__file__).resolve().parents[1]
    / 'configs/det/mask-rcnn_hrnetv2p_w18_coco-1x.py'
)
GIB = 2**30


def draw_batches(steps: int, divisor: int) -> list[Size]:
    """Return the sizes, (height, width), of batches of two images."""
    given = batches(draw_sizes(2 * steps), 2)
    return [pad(batch, divisor) for batch in given[:steps]]


def train(workload: Workload, sizes: list[Size]) -> None:
    """Train a step on each size, given as (height, width)."""
    for size in sizes:
        workload.train(2, size)


def measure(sizes: list[Size], rounds: int, device: str) -> list[list[str]]:
    """Return name, captured sizes, seconds per step and memory with and without graphs.

    Memory is what torch reserves more than before, after training on all sizes once.
    """
    workloads: dict[str, Workload] = {}
    memory: dict[str, int] = {}
    for name, cuda_graph in {'no graph': False, 'graph': True}.items():
        before = torch.cuda.memory_reserved()
        workload = Workload(str(CONFIG), 'detection', device)
        workload.settle(sizes[0])
        workload.model.backbone.set_precision('auto', cuda_graph)
        train(workload, sizes)
        memory[name] = torch.cuda.memory_reserved() - before
        workloads[name] = workload
    cases = {name: partial(train, it, sizes) for name, it in workloads.items()}
    timings = time_interleaved(cases, rounds, partial(print, file=sys.stderr))
    rows = []
    for name, timing in timings.items():
        graph = workloads[name].model.backbone.graph
        steps = [seconds / len(sizes) for seconds in timing.seconds]
        rows.append(
            [
                name,
                str(graph.sizes if graph else 0),
                spread(steps, '.3f', ' s'),
                f'{memory[name] / GIB:.1f} GiB',
            ]
        )
    return rows


def main() -> None:
    """Print a table for each divisor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, default=200)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--divisors', type=int, nargs='+', default=[32, 128])
    args = parser.parse_args()
    for divisor in args.divisors:
        sizes = draw_batches(args.steps, divisor)
        print(f'divisor {divisor}: {len(set(sizes))} sizes in {len(sizes)} steps')
        if not torch.cuda.is_available():
            parser.error('CUDA graphs need a GPU, and torch finds none')
        rows = measure(sizes, args.rounds, 'cuda')
        print(table(['', 'captured', 'step', 'memory'], rows))


if __name__ == '__main__':
    main()
