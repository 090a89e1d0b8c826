"""Writes the tables, the data and the chart of comparisons."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .against import Comparison, Variant
from .report import measured_with, save, spread, table

HEAD = (
    'variant', 'ratio', 'share of peak', 'largest error', 'kept for backward',
    'page faults',
)  # fmt: skip
NOTES = """
Ratio: how many times faster than the first row, with the same weights and input; the
median over the rounds, with the lowest and the highest in brackets. All variants take
turns in one process, in a different order in each round. Share of peak: MACs per second
relative to a dense convolution (256 channels, 3x3, 64x48; 128 images on a GPU) in the
same round. Largest error: against the first row in double precision, relative to the
largest value. Kept for backward: saved activations.
"""


def write_ratios(
    comparisons: Sequence[Comparison], about: dict[str, Any], folder: Path
) -> list[Path]:
    """Write ``against.md``, ``.json`` and ``.png`` to a folder; return their paths."""
    text, content = _markdown(comparisons, about), _data(comparisons, about)
    return save(folder / 'against', text, content, partial(_draw, comparisons))


def _markdown(comparisons: Sequence[Comparison], about: dict[str, Any]) -> str:
    text = [measured_with(about), NOTES]
    for comparison in comparisons:
        rows = [_row(comparison, variant) for variant in comparison.variants]
        text += [f'### {comparison.title}\n', table(HEAD, rows), '']
    return '\n'.join(text)


def _row(comparison: Comparison, variant: Variant) -> list[str]:
    error, saved = variant.error, variant.saved
    theirs = comparison.variants[0].saved
    kept = '-'
    if saved is not None and theirs:
        kept = f'{saved / 2**20:,.0f} MiB ({saved / theirs - 1:+.0%})'
    return [
        variant.name,
        spread(comparison.ratios(variant), '.2f'),
        f'{statistics.median(comparison.shares(variant)):.0%}',
        '-' if error is None else f'{error:.0e}',
        kept,
        f'{statistics.median(variant.timing.faults):,.0f}',
    ]


def _data(comparisons: Sequence[Comparison], about: dict[str, Any]) -> dict[str, Any]:
    return dict(
        about=about,
        comparisons=[
            dict(
                title=comparison.title,
                macs=comparison.macs,
                peaks={
                    'bf16' if bf16 else 'fp32': timing.seconds
                    for bf16, timing in comparison.peaks.items()
                },
                variants=[
                    dict(
                        name=variant.name,
                        seconds=variant.timing.seconds,
                        faults=variant.timing.faults,
                        ratios=comparison.ratios(variant),
                        shares=comparison.shares(variant),
                        error=variant.error,
                        saved=variant.saved,
                    )
                    for variant in comparison.variants
                ],
            )
            for comparison in comparisons
        ],
    )


def _draw(comparisons: Sequence[Comparison], path: Path) -> None:
    # a point for the ratio in each round, and a bar for the median
    counts = [len(comparison.variants) for comparison in comparisons]
    figure = Figure(
        figsize=(9, 0.6 + sum(0.7 + 0.32 * count for count in counts)),
        layout='constrained',
    )
    heights = [1 + count for count in counts]
    grid = figure.subplots(len(comparisons), 1, squeeze=False, height_ratios=heights)
    for (axis,), comparison in zip(grid, comparisons, strict=True):
        names = [variant.name for variant in comparison.variants]
        for index, variant in enumerate(comparison.variants):
            ratios = comparison.ratios(variant)
            color = 'C0' if index == 0 else 'C1'
            axis.barh(index, statistics.median(ratios), color=color, alpha=0.5)
            axis.plot(ratios, [index] * len(ratios), '.', color=color, markersize=4)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.invert_yaxis()
        axis.axvline(1, color='0.3', linewidth=0.8)
        axis.set_title(comparison.title, fontsize=9)
        axis.tick_params(axis='x', labelsize=8)
    figure.supxlabel('times faster', fontsize=9)
    figure.savefig(path, dpi=120)
