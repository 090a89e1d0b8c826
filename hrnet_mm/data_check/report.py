"""The result of a check as a table on the console and as one HTML file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from hrnet_mm.files import write_atomically

from .drawing import sheet
from .findings import EFFECTS, Report, Summary

COLOURS = dict(stops='red', wrong='red', skipped='yellow', note='cyan')
CLASSES_SHOWN = 40
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1320px; margin: 2em auto;
  padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
th, td { text-align: left; vertical-align: top; padding: .4em .8em;
  border-bottom: 1px solid #ddd }
.stops, .wrong { color: #b00020; font-weight: 600 }
.skipped { color: #8a5a00; font-weight: 600 }
.note { color: #00607a; font-weight: 600 }
.sound { color: #1b6e2d; font-weight: 600 }
code { font-size: 13px; word-break: break-all }
img { max-width: 100% }
"""


def print_report(report: Report, console: Console) -> None:
    """Print the statistics and the findings of a check."""
    splits = Table(title='Data')
    for title in ('split', 'images', 'annotations', 'classes', 'image sizes'):
        splits.add_column(title, overflow='fold')
    for name, summary in report.summary.items():
        splits.add_row(escape_markup(name), *map(escape_markup, _statistics(summary)))
    console.print(splits)
    if not report.findings:
        console.print(report.verdict)
        return
    table = Table(title='Findings', show_lines=True)
    table.add_column('training', no_wrap=True)
    table.add_column('finding', overflow='fold', ratio=3)
    table.add_column('first places', overflow='fold', ratio=2)
    for found in report.findings:
        colour = COLOURS[found.effect]
        table.add_row(
            f'[{colour}]{found.effect}[/]',
            escape_markup(found.message),
            escape_markup('\n'.join(found.places)),
        )
    console.print(table)
    used = {found.effect for found in report.findings}
    for effect in EFFECTS:
        if effect in used:
            console.print(f'{effect}: {EFFECTS[effect]}')


def _statistics(summary: Summary) -> list[str]:
    classes = ', '.join(
        f'{name} {number}' for name, number in summary.classes.most_common(5)
    )
    more = len(summary.classes) - 5
    return [
        str(summary.images),
        str(summary.annotations),
        classes + (f', and {more} more' if more > 0 else ''),
        _range(summary.image_sizes),
    ]


def _range(sizes: Sequence[tuple[int, int]]) -> str:
    if not sizes:
        return ''
    ordered = sorted(sizes, key=lambda size: size[0] * size[1])
    (a, b), (c, d) = ordered[0], ordered[-1]
    return f'{a} x {b}' if len(set(sizes)) == 1 else f'{a} x {b} to {c} x {d}'


def write_report(report: Report, folder: Path, title: str) -> Path:
    """Write ``report.html`` and the sheet of annotations, ``annotations.jpg``.

    Args:
        report: The result of a check.
        folder: The output folder; missing folders are created.
        title: What was checked.

    Returns:
        The path of ``report.html``, which needs no other file.
    """
    parts = [
        f'<h1>{escape(title)}</h1>',
        _verdict(report),
        _splits_table(report),
        _findings_table(report),
        '<h2>Statistics</h2>',
        _image('png', _histograms(report.summary)),
    ]
    if report.drawings:
        drawn = sheet(report.drawings)[..., ::-1]
        jpeg = cv2.imencode('.jpg', drawn, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        write_atomically(folder / 'annotations.jpg', jpeg)
        parts += ['<h2>Annotations</h2>', _image('jpeg', jpeg)]
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<title>{escape(title)}</title><style>{STYLE}</style>{"".join(parts)}</html>'
    )
    path = folder / 'report.html'
    write_atomically(path, page.encode())
    return path


def _splits_table(report: Report) -> str:
    titles = ('split', 'images', 'annotations', 'classes', 'image sizes')
    rows = [[name, *_statistics(it)] for name, it in report.summary.items()]
    head = ''.join(f'<th>{title}</th>' for title in titles)
    body = ''.join(
        '<tr>' + ''.join(f'<td>{escape(cell)}</td>' for cell in row) + '</tr>'
        for row in rows
    )
    return f'<table><tr>{head}</tr>{body}</table>'


def _verdict(report: Report) -> str:
    worst = report.findings[0].effect if report.findings else 'sound'
    return f'<p class="{worst}">{report.verdict}</p>'


def _findings_table(report: Report) -> str:
    if not report.findings:
        return ''
    rows = []
    for found in report.findings:
        places = '<br>'.join(f'<code>{escape(place)}</code>' for place in found.places)
        rows.append(
            f'<tr><td class="{found.effect}" title="{EFFECTS[found.effect]}">'
            f'{found.effect}</td><td>{escape(found.message)}</td><td>{places}</td></tr>'
        )
    used = dict.fromkeys(found.effect for found in report.findings)
    legend = '. '.join(f'<b>{effect}</b>: {EFFECTS[effect]}' for effect in used)
    head = '<th>training</th><th>finding</th><th>first places</th>'
    table = f'<table><tr>{head}</tr>{"".join(rows)}</table>'
    return f'<h2>Findings</h2>{table}<p>{legend}.</p>'


def _image(kind: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return f'<img src="data:image/{kind};base64,{data}">'


def _histograms(summary: dict[str, Summary]) -> bytes:
    """Draw the histograms that the data have, as a PNG."""
    plots = [(_plot_classes, 'classes'), (_plot_image_sizes, 'image_sizes')]
    plots += [(_plot_box_sizes, 'box_sizes'), (_plot_keypoints, 'keypoints')]
    used = [
        plot
        for plot, values in plots
        if any(getattr(it, values) for it in summary.values())
    ]
    figure = Figure(
        figsize=(13, 3.8 * -(-max(len(used), 1) // 2)), layout='constrained'
    )
    if used:
        axes = figure.subplots(-(-len(used) // 2), 2, squeeze=False).ravel()
        for axis, plot in zip(axes, used, strict=False):
            plot(axis, summary)
        for axis in axes[len(used) :]:
            axis.axis('off')
    content = io.BytesIO()
    figure.savefig(content, dpi=100, format='png')
    return content.getvalue()


def _plot_counts(axis: Axes, counts: dict[str, dict[str, int]], title: str) -> None:
    names = list(dict.fromkeys(name for each in counts.values() for name in each))
    total = {name: sum(each.get(name, 0) for each in counts.values()) for name in names}
    shown = sorted(names, key=lambda name: -total[name])[:CLASSES_SHOWN]
    width = 0.8 / max(len(counts), 1)
    for number, (split, each) in enumerate(counts.items()):
        positions = np.arange(len(shown)) + number * width
        heights = [each.get(name, 0) for name in shown]
        axis.bar(positions, heights, width, label=split)
    centre = np.arange(len(shown)) + (len(counts) - 1) * width / 2
    axis.set_xticks(
        centre, shown, rotation=60, ha='right', fontsize=8, parse_math=False
    )
    more = (
        f' (the first {CLASSES_SHOWN} of {len(names)})' if names[CLASSES_SHOWN:] else ''
    )
    axis.set(title=title + more, yscale='log' if _is_uneven(total) else 'linear')
    axis.legend()


def _is_uneven(total: dict[str, int]) -> bool:
    counts = [number for number in total.values() if number]
    return bool(counts) and max(counts) > 50 * min(counts)


def _plot_classes(axis: Axes, summary: dict[str, Summary]) -> None:
    counts = {name: dict(it.classes) for name, it in summary.items()}
    _plot_counts(axis, counts, 'examples of each class')


def _plot_keypoints(axis: Axes, summary: dict[str, Summary]) -> None:
    counts = {name: dict(it.keypoints) for name, it in summary.items()}
    _plot_counts(axis, counts, 'labelled keypoints')


def _plot_image_sizes(axis: Axes, summary: dict[str, Summary]) -> None:
    for name, it in summary.items():
        if it.image_sizes:
            widths, heights = zip(*it.image_sizes, strict=True)
            axis.scatter(widths, heights, s=12, alpha=0.4, label=name)
    axis.set(title='image sizes', xlabel='width (pixels)', ylabel='height (pixels)')
    axis.legend()


def _plot_box_sizes(axis: Axes, summary: dict[str, Summary]) -> None:
    sizes = {name: it.box_sizes for name, it in summary.items() if it.box_sizes}
    every = np.concatenate([*sizes.values()]).clip(min=1)
    bins = np.geomspace(every.min(), every.max() + 1, 40).tolist()
    for name, each in sizes.items():
        axis.hist(each, bins, histtype='step', label=name)
    axis.set(title='box sizes', xlabel='square root of the area (pixels)', xscale='log')
    axis.legend()
