"""Writes the runtime table, its data and its chart."""

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
    """The measurements of one network.

    Attributes:
        row: The network.
        setting: Image sizes and batch size.
        parameters: Number of parameters.
        macs: Multiply-accumulate operations for one test image.
        result: Times and memory.
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


def write_paper_table(
    entries: Sequence[Entry], about: dict[str, Any], folder: Path
) -> list[Path]:
    """Write ``paper.md``, ``.json`` and ``.png`` to a folder; return their paths."""
    rows = [asdict(entry) for entry in entries]
    content = dict(about=about, rows=rows)
    draw_chart = partial(_draw, entries)
    return save(folder / 'paper', _markdown(entries, about), content, draw_chart)


def _markdown(entries: Sequence[Entry], about: dict[str, Any]) -> str:
    text = [
        measured_with(about),
        'Times are medians with the range in brackets; the networks take turns.',
    ]
    for task in dict.fromkeys(entry.row.task for entry in entries):
        chosen = [entry for entry in entries if entry.row.task == task]
        setting = chosen[0].setting
        text += [
            f'\n### {task.capitalize()}\n',
            f'Training: {setting.batch} images of {_format_size(setting.train)} a '
            f'step. Inference: one image of {_format_size(setting.test)}.\n',
            table(HEAD, map(_cells, chosen)),
        ]
    return '\n'.join(text) + '\n'


def _cells(entry: Entry) -> list[str]:
    # where there is no measurement, the cell says why
    result = entry.result
    return [
        entry.row.name,
        f'{entry.parameters / 1e6:.1f} M',
        f'{entry.macs / 2**30:.1f}',
        _format_bytes(result.train_memory) if result.train else result.failure,
        spread(result.train, '.3f', ' s') if result.train else result.failure,
        _format_bytes(result.test_memory) if result.test else result.failure,
        spread(result.test, '.3f', ' s') if result.test else result.failure,
    ]


def _format_size(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'


def _format_bytes(number: int) -> str:
    return f'{number / 2**30:.2f} GiB'


def _draw(entries: Sequence[Entry], path: Path) -> None:
    tasks = list(dict.fromkeys(entry.row.task for entry in entries))
    figure = Figure(figsize=(14, 1.2 + 2.2 * len(tasks)), layout='constrained')
    axes = figure.subplots(len(tasks), 4, squeeze=False)
    for row, task in zip(axes, tasks, strict=True):
        chosen = [entry for entry in entries if entry.row.task == task]
        for axis, (title, values) in zip(row, _bars(chosen), strict=True):
            names = [entry.row.name for entry in chosen]
            ours = [entry.row.package == 'hrnet_mm' for entry in chosen]
            axis.barh(names, values, color=['C1' if own else 'C0' for own in ours])
            axis.invert_yaxis()
            axis.set_title(f'{task}: {title}', fontsize=9)
            axis.tick_params(labelsize=8)
            if axis is not row[0]:
                axis.set_yticklabels([])
    figure.savefig(path, dpi=120)


def _bars(entries: Sequence[Entry]) -> list[tuple[str, list[float]]]:
    # titles and values; 0 where there is no measurement
    results = [entry.result for entry in entries]

    def median(seconds: Sequence[float]) -> float:
        return statistics.median(seconds) if seconds else 0.0

    return [
        ('training memory, GiB', [r.train_memory / 2**30 for r in results]),
        ('training step, s', [median(r.train) for r in results]),
        ('inference memory, GiB', [r.test_memory / 2**30 for r in results]),
        ('inference, s an image', [median(r.test) for r in results]),
    ]
