"""Time and memory of HRNet by image size, batch, width and number of threads."""

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
    time_interleaved,
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
    """One measurement of the inference of a deployed trunk.

    Attributes:
        series: The quantity that varies.
        value: Value of this quantity.
        arch, size, batch, threads, device: Setting of the measurement.
        macs: Multiply-accumulate operations of one call.
        saved: Bytes of saved activations in a training step.
        timing: Timing of the trunk.
        peak: Timing of the dense convolution in the same rounds, on as many threads.
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
        """Median over the rounds."""
        return statistics.median(self.timing.seconds)

    @property
    def share(self) -> float:
        """Share of the peak throughput of these threads."""
        dense = statistics.median(self.peak.seconds)
        return self.macs / dense_macs(self.device) * dense / self.seconds


def series(arch: str, size: Size, threads: int) -> dict[str, list[Point]]:
    """Return series of points that vary one quantity each.

    The other quantities are those of one image of ``size`` on all threads.
    """
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


def measure_scaling(
    arch: str, size: Size, rounds: int, device: str, progress: Progress
) -> list[Point]:
    """Measure all series; the points of a series are interleaved."""
    threads = torch.get_num_threads()
    measured = []
    try:
        for points in series(arch, size, threads).values():
            measure(points, rounds, device, progress)
            measured += points
    finally:
        torch.set_num_threads(threads)
    return measured


def count_steps(rounds: int) -> int:
    """Return about how many times ``measure_scaling`` reports progress."""
    points = sum(map(len, series('w32', (256, 192), torch.get_num_threads()).values()))
    return points * (1 + 2 * rounds)


def measure(
    points: Sequence[Point], rounds: int, device: str, progress: Progress
) -> None:
    """Measure the points of one series, in place."""

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
        cases[f'{point.series} {point.value:g}'] = _on_threads(
            point.threads, partial(forward, fast(point.arch), x)
        )
        cases[f'{point.series} {point.value:g}: peak'] = _on_threads(
            point.threads, dense_convolution(False, device)
        )
    timings = time_interleaved(cases, rounds, progress)
    for point in points:
        point.timing = timings[f'{point.series} {point.value:g}']
        point.peak = timings[f'{point.series} {point.value:g}: peak']


def _on_threads(number: int, run: Callable[[], Any]) -> Callable[[], None]:
    def limited() -> None:
        torch.set_num_threads(number)
        run()

    return limited


def write_scaling(
    points: Sequence[Point], about: dict[str, Any], folder: Path
) -> list[Path]:
    """Write ``scaling.md``, ``.json`` and ``.png`` to a folder; return their paths."""
    content = dict(about=about, points=[asdict(point) for point in points])
    draw_chart = partial(_draw, points)
    return save(folder / 'scaling', _markdown(points, about), content, draw_chart)


def group_by_series(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return the points of each series, in their order."""
    names = dict.fromkeys(point.series for point in points)
    return {name: [p for p in points if p.series == name] for name in names}


def _relative_cost(point: Point, points: Sequence[Point]) -> float:
    # thread-seconds per MAC, relative to the cheapest point of the series
    def cost(p: Point) -> float:
        return p.seconds * p.threads / p.macs

    return cost(point) / min(map(cost, points))


def _markdown(points: Sequence[Point], about: dict[str, Any]) -> str:
    text = [
        f'{measured_with(about)}\n',
        'Inference of the deployed trunk. Relative cost: time times threads per MAC, '
        'relative to the cheapest row; scaling is linear where it is 1.',
    ]
    for name, chosen in group_by_series(points).items():
        text += [
            f'\n### {name.capitalize()}\n',
            table((name, *HEAD), [_cells(point, chosen) for point in chosen]),
        ]
    return '\n'.join(text) + '\n'


def _cells(point: Point, points: Sequence[Point]) -> list[str]:
    return [
        f'{point.value:g}',
        point.arch,
        f'{point.size[0]}x{point.size[1]}',
        f'{point.batch}',
        f'{point.threads}',
        f'{point.macs / 2**30:.2f}',
        f'{_relative_cost(point, points):.2f}',
        f'{point.share:.0%}',
        f'{point.saved / 2**20:,.0f} MiB',
        f'{statistics.median(point.timing.faults):,.0f}',
    ]


def _draw(points: Sequence[Point], path: Path) -> None:
    # relative cost above, memory below, a column for each series
    groups = group_by_series(points)
    figure = Figure(figsize=(3.2 * len(groups), 5.2), layout='constrained')
    axes = figure.subplots(2, len(groups), squeeze=False)
    for column, (name, chosen) in enumerate(groups.items()):
        x = [point.value for point in chosen]
        cost, memory = axes[0][column], axes[1][column]
        cost.plot(x, [_relative_cost(p, chosen) for p in chosen], 'o-', color='C1')
        cost.axhline(1, color='0.5', linewidth=0.8)
        cost.set_ylim(0, 1.1 * max(_relative_cost(p, chosen) for p in chosen))
        if name != 'width':
            cost.set_xscale('log', base=2)
            memory.set_xscale('log', base=2)
        memory.plot(x, [p.saved / 2**20 for p in chosen], 'o-', color='C0')
        memory.set_ylim(bottom=0)
        memory.set_xlabel(name)
    axes[0][0].set_ylabel('time / (MACs x threads)')
    axes[1][0].set_ylabel('kept for backward, MiB')
    figure.savefig(path, dpi=120)
