"""Time and memory of HRNet as its input, its width and the machine grow."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from hrnet_mm.inference.deploy import deploy
from hrnet_mm.models import ARCHS, HRNet
from hrnet_mm.profiling import count_macs

from .against import forward
from .networks import Size
from .report import measured_with, save, table
from .timing import (
    Timing,
    dense_convolution,
    dense_macs,
    saved_for_backward,
    take_turns,
)

Progress = Callable[[str], None]

SIDES = (0.25, 0.5, 1, 1.5, 2, 3, 4)
BATCHES = (1, 2, 4, 8, 16)
HEAD = (
    'arch', 'image', 'batch', 'threads', 'MACs / 2^30', 'relative cost',
    'share of peak', 'kept for backward', 'page faults',
)  # fmt: skip
WIDTHS = ('w18', 'w30', 'w32', 'w40', 'w44', 'w48', 'w64')


@dataclass
class Point:
    """One measurement: inference of a deployed trunk.

    Attributes:
        series: What grows.
        value: How large it is here.
        arch, size, batch, threads, device: Of what is measured.
        macs: Multiplications of a call.
        saved: Bytes that a training step keeps for the backward.
        peak: The dense convolution of the same rounds, on as many threads.
    """

    series: str
    value: float
    arch: str
    size: Size
    batch: int
    threads: int
    device: str = 'cpu'
    macs: int = 0
    saved: int = 0
    timing: Timing = field(default_factory=Timing)
    peak: Timing = field(default_factory=Timing)

    @property
    def seconds(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.timing.seconds)

    @property
    def share(self) -> float:
        """Of the multiplications a second that these threads can do."""
        dense = statistics.median(self.peak.seconds)
        return self.macs / dense_macs(self.device) * dense / self.seconds


def series(arch: str, size: Size, threads: int) -> dict[str, list[Point]]:
    """Each changes one thing of one image of ``size`` on all threads."""
    base = Point('', 1, arch, size, 1, threads)
    height, width = size
    counts = [2**n for n in range(10) if 2**n < threads]
    found = {
        'area': [
            replace(base, value=s * s, size=(int(height * s), int(width * s)))
            for s in SIDES
        ],
        'batch': [replace(base, value=n, batch=n) for n in BATCHES],
        'width': [
            replace(base, value=ARCHS[w][-1].channels[0], arch=w) for w in WIDTHS
        ],
        'threads': [replace(base, value=n, threads=n) for n in (*counts, threads)],
    }
    return {
        name: [replace(p, series=name, timing=Timing(), peak=Timing()) for p in points]
        for name, points in found.items()
    }


def scale(
    arch: str, size: Size, rounds: int, device: str, progress: Progress
) -> list[Point]:
    """Measure all series; the points of a series take turns."""
    threads = torch.get_num_threads()
    measured = []
    try:
        for points in series(arch, size, threads).values():
            measure(points, rounds, device, progress)
            measured += points
    finally:
        torch.set_num_threads(threads)
    return measured


def steps(rounds: int) -> int:
    """How many times ``scale`` reports progress, about."""
    points = sum(map(len, series('w32', (256, 192), torch.get_num_threads()).values()))
    return points * (1 + 2 * rounds)


def measure(
    points: Sequence[Point], rounds: int, device: str, progress: Progress
) -> None:
    """Fill the points of one series."""

    @cache
    def trunk(arch: str) -> nn.Module:
        return HRNet(arch).to(device)

    @cache
    def fast(arch: str) -> Any:
        return deploy(trunk(arch))

    cases: dict[str, Callable[[], Any]] = {}
    for point in points:
        progress(f'{point.series} {point.value:g}: memory')
        x = torch.randn(point.batch, 3, *point.size, device=device)
        point.device = device
        model = trunk(point.arch).eval()
        point.macs = count_macs(model, partial(model, x))
        model.train()
        point.saved = saved_for_backward(model, partial(model, x))
        cases[f'{point.series} {point.value:g}'] = on_threads(
            point.threads, partial(forward, fast(point.arch), x)
        )
        cases[f'{point.series} {point.value:g}: peak'] = on_threads(
            point.threads, dense_convolution(False, device)
        )
    timings = take_turns(cases, rounds, progress)
    for point in points:
        point.timing = timings[f'{point.series} {point.value:g}']
        point.peak = timings[f'{point.series} {point.value:g}: peak']


def on_threads(number: int, run: Callable[[], Any]) -> Callable[[], None]:
    """The same on so many threads of the processor."""

    def limited() -> None:
        torch.set_num_threads(number)
        run()

    return limited


def write_scaling(
    points: Sequence[Point], about: dict[str, Any], folder: Path
) -> list[Path]:
    """Markdown, JSON and a chart."""
    content = dict(about=about, points=[asdict(point) for point in points])
    picture = partial(draw, points)
    return save(folder / 'scaling', markdown(points, about), content, picture)


def grouped(points: Sequence[Point]) -> dict[str, list[Point]]:
    """By series."""
    names = dict.fromkeys(point.series for point in points)
    return {name: [p for p in points if p.series == name] for name in names}


def of_linear(point: Point, points: Sequence[Point]) -> float:
    """Time for a multiplication and thread, against the cheapest point of a series."""

    def cost(p: Point) -> float:
        return p.seconds * p.threads / p.macs

    return cost(point) / min(map(cost, points))


def markdown(points: Sequence[Point], about: dict[str, Any]) -> str:
    """A table for each series."""
    text = [
        f'{measured_with(about)}\n',
        'Inference of the deployed trunk. Relative cost: time for one multiplication '
        'and thread, against the cheapest row; growth is linear where it is 1.',
    ]
    for name, chosen in grouped(points).items():
        text += [
            f'\n### {name.capitalize()}\n',
            table((name, *HEAD), [cells(point, chosen) for point in chosen]),
        ]
    return '\n'.join(text) + '\n'


def cells(point: Point, points: Sequence[Point]) -> list[str]:
    """A row, in a series."""
    return [
        f'{point.value:g}',
        point.arch,
        f'{point.size[0]}x{point.size[1]}',
        f'{point.batch}',
        f'{point.threads}',
        f'{point.macs / 2**30:.2f}',
        f'{of_linear(point, points):.2f}',
        f'{point.share:.0%}',
        f'{point.saved / 2**20:,.0f} MiB',
        f'{statistics.median(point.timing.faults):,.0f}',
    ]


def draw(points: Sequence[Point], path: Path) -> None:
    """Relative cost above, memory below, a column for each series."""
    groups = grouped(points)
    figure = Figure(figsize=(3.2 * len(groups), 5.2), layout='constrained')
    axes = figure.subplots(2, len(groups), squeeze=False)
    for column, (name, chosen) in enumerate(groups.items()):
        x = [point.value for point in chosen]
        cost, memory = axes[0][column], axes[1][column]
        cost.plot(x, [of_linear(p, chosen) for p in chosen], 'o-', color='C1')
        cost.axhline(1, color='0.5', linewidth=0.8)
        cost.set_ylim(0, 1.1 * max(of_linear(p, chosen) for p in chosen))
        if name != 'width':
            cost.set_xscale('log', base=2)
            memory.set_xscale('log', base=2)
        memory.plot(x, [p.saved / 2**20 for p in chosen], 'o-', color='C0')
        memory.set_ylim(bottom=0)
        memory.set_xlabel(name)
    axes[0][0].set_ylabel('time / (MACs x threads)')
    axes[1][0].set_ylabel('kept for backward, MiB')
    figure.savefig(path, dpi=120)
