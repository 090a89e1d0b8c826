"""The table, the data and the picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .networks import Row, Setting
from .report import measured_with, save, spread, table
from .worker import Result


@dataclass
class Entry:
    """A row of the table.

    Attributes:
        parameters, macs: See ``hrnet_mm.profiling``; of an image of the test size.
    """

    row: Row
    setting: Setting
    parameters: int
    macs: int
    result: Result


HEAD = (
    'network', 'parameters', 'MACs / 2^30', 'training memory', 'training step',
    'inference memory', 'inference',
)  # fmt: skip


def write(entries: Sequence[Entry], about: dict[str, Any], folder: Path) -> list[Path]:
    """Markdown, JSON and a bar chart."""
    rows = [asdict(entry) for entry in entries]
    content = dict(about=about, rows=rows)
    picture = partial(draw, entries)
    return save(folder / 'paper', markdown(entries, about), content, picture)


def markdown(entries: Sequence[Entry], about: dict[str, Any]) -> str:
    """A table for each task."""
    text = [
        measured_with(about),
        'Times are medians, with the range in brackets; the networks take turns.',
    ]
    for task in dict.fromkeys(entry.row.task for entry in entries):
        chosen = [entry for entry in entries if entry.row.task == task]
        setting = chosen[0].setting
        text += [
            f'\n### {task.capitalize()}\n',
            f'Training: {setting.batch} images of {by(setting.train)} a step. '
            f'Inference: one of {by(setting.test)}.\n',
            table(HEAD, map(cells, chosen)),
        ]
    return '\n'.join(text) + '\n'


def cells(entry: Entry) -> list[str]:
    """What the table says of a network; nothing is left empty."""
    result = entry.result
    known = [
        entry.row.name,
        f'{entry.parameters / 1e6:.1f} M',
        f'{entry.macs / 2**30:.1f}',
    ]
    return [
        *known,
        gigabytes(result.train_memory) if result.train else result.failure,
        spread(result.train, '.3f', ' s') if result.train else result.failure,
        gigabytes(result.test_memory) if result.test else result.failure,
        spread(result.test, '.3f', ' s') if result.test else result.failure,
    ]


def by(size: tuple[int, int]) -> str:
    """Height and width."""
    return f'{size[0]}x{size[1]}'


def gigabytes(number: int) -> str:
    """Of a number of bytes."""
    return f'{number / 2**30:.2f} GiB'


def draw(entries: Sequence[Entry], path: Path) -> None:
    """Bars for each figure of the table, a row of them for each task."""
    tasks = list(dict.fromkeys(entry.row.task for entry in entries))
    figure = Figure(figsize=(14, 1.2 + 2.2 * len(tasks)), layout='constrained')
    axes = figure.subplots(len(tasks), 4, squeeze=False)
    for row, task in zip(axes, tasks, strict=True):
        chosen = [entry for entry in entries if entry.row.task == task]
        for axis, (title, values) in zip(row, bars(chosen), strict=True):
            names = [entry.row.name for entry in chosen]
            ours = [entry.row.package == 'hrnet_mm' for entry in chosen]
            axis.barh(names, values, color=['C1' if own else 'C0' for own in ours])
            axis.invert_yaxis()
            axis.set_title(f'{task}: {title}', fontsize=9)
            axis.tick_params(labelsize=8)
            if axis is not row[0]:
                axis.set_yticklabels([])
    figure.savefig(path, dpi=120)


def bars(entries: Sequence[Entry]) -> list[tuple[str, list[float]]]:
    """The four figures of the table; 0 where there is none."""
    results = [entry.result for entry in entries]

    def middle(seconds: Sequence[float]) -> float:
        return statistics.median(seconds) if seconds else 0.0

    return [
        ('training memory, GiB', [r.train_memory / 2**30 for r in results]),
        ('training step, s', [middle(r.train) for r in results]),
        ('inference memory, GiB', [r.test_memory / 2**30 for r in results]),
        ('inference, s an image', [middle(r.test) for r in results]),
    ]
