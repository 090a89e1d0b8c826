"""The tables, the data and the picture of races."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .against import Race, Variant
from .report import measured_with, save, spread, table

HEAD = (
    'variant', 'ratio', 'share of peak', 'largest error', 'kept for backward',
    'page faults',
)  # fmt: skip
NOTES = """
Ratio: how many times faster than the first row, which has the same weights and input;
the median over the rounds, in brackets the lowest and the highest. All variants take
turns in one process, each round in another order. Share of peak: multiplications a
second, against a dense convolution (256 channels, 3x3, 64x48; on a GPU 128 images) in
the same round. Largest error: against the first row in double precision, as a share of
the largest value.
"""


def write_ratios(
    races: Sequence[Race], about: dict[str, Any], folder: Path
) -> list[Path]:
    """Markdown, JSON and a chart."""
    text, content = markdown(races, about), data(races, about)
    return save(folder / 'against', text, content, partial(draw, races))


def markdown(races: Sequence[Race], about: dict[str, Any]) -> str:
    """A table for each race."""
    text = [measured_with(about), NOTES]
    for race in races:
        text += [
            f'### {race.title}\n',
            table(HEAD, [cells(race, variant) for variant in race.variants]),
            '',
        ]
    return '\n'.join(text)


def cells(race: Race, variant: Variant) -> list[str]:
    """A row; what is not measured is a dash."""
    error, saved = variant.error, variant.saved
    theirs = race.variants[0].saved
    kept = '-'
    if saved is not None and theirs:
        kept = f'{saved / 2**20:,.0f} MiB ({saved / theirs - 1:+.0%})'
    return [
        variant.name,
        spread(race.ratios(variant), '.2f'),
        f'{statistics.median(race.shares(variant)):.0%}',
        '-' if error is None else f'{error:.0e}',
        kept,
        f'{statistics.median(variant.timing.faults):,.0f}',
    ]


def data(races: Sequence[Race], about: dict[str, Any]) -> dict[str, Any]:
    """All that was measured."""
    return dict(
        about=about,
        races=[
            dict(
                title=race.title,
                macs=race.macs,
                peaks={
                    'bf16' if bf16 else 'fp32': timing.seconds
                    for bf16, timing in race.peaks.items()
                },
                variants=[
                    dict(
                        name=variant.name,
                        seconds=variant.timing.seconds,
                        faults=variant.timing.faults,
                        ratios=race.ratios(variant),
                        shares=race.shares(variant),
                        error=variant.error,
                        saved=variant.saved,
                    )
                    for variant in race.variants
                ],
            )
            for race in races
        ],
    )


def draw(races: Sequence[Race], path: Path) -> None:
    """The ratios of each race: a point a round, a bar at their median."""
    figure = Figure(
        figsize=(9, 0.6 + sum(0.7 + 0.32 * len(r.variants) for r in races)),
        layout='constrained',
    )
    heights = [1 + len(race.variants) for race in races]
    grid = figure.subplots(len(races), 1, squeeze=False, height_ratios=heights)
    for (axis,), race in zip(grid, races, strict=True):
        names = [variant.name for variant in race.variants]
        for place, variant in enumerate(race.variants):
            ratios = race.ratios(variant)
            color = 'C0' if place == 0 else 'C1'
            axis.barh(place, statistics.median(ratios), color=color, alpha=0.5)
            axis.plot(ratios, [place] * len(ratios), '.', color=color, markersize=4)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.invert_yaxis()
        axis.axvline(1, color='0.3', linewidth=0.8)
        axis.set_title(race.title, fontsize=9)
        axis.tick_params(axis='x', labelsize=8)
    figure.supxlabel('times faster', fontsize=9)
    figure.savefig(path, dpi=120)
