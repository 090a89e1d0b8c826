"""Reports of costs, as data and as tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.table import Table

from .measure import count_macs, measure
from .models import build_subject
from .parts import Part, parts
from .published import Published, agrees


def profile(source: str, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return the cost of a config or an arch by its parts, as JSON-serializable data.

    Args:
        source: A config file or an arch; see ``build_subject``.
        size: Height and width of the image; by default those of the config.
    """
    found = build_subject(source, size)
    layers = measure(found.model, found.run)
    rows = parts(layers, found.size[0])
    total = Part('total')
    for row in rows:
        total.parameters += row.parameters
        total.macs += row.macs
        total.activations += row.activations
    return dict(
        source=source,
        image=list(found.size),
        parts=[asdict(row) for row in rows],
        total=asdict(total),
    )


def profile_table(found: dict[str, Any]) -> Table:
    """Return a table of the result of ``profile``, with a row for each part."""
    height, width = found['image']
    table = Table(
        title=f'{found["source"]}, one image of {height}x{width}',
        caption='MACs: of convolutions and linear layers, in 2^30 (HRNet papers on '
        'pose, segmentation, detection, ImageNet) and in 10^9 (HigherHRNet, OpenMMLab)',
        box=None,
    )
    table.add_column('part', no_wrap=True)
    for title in ('output', 'parameters', 'MACs/2^30', 'MACs/10^9', 'activ./10^6'):
        table.add_column(title, justify='right', no_wrap=True)
    for row in [*found['parts'], found['total']]:
        table.add_row(
            f'{row["name"]} {row["detail"]}',
            f'{row["channels"]} at 1/{row["stride"]}' if row['stride'] else '',
            f'{row["parameters"]:,}',
            f'{row["macs"] / 2**30:.2f}',
            f'{row["macs"] / 1e9:.2f}',
            f'{row["activations"] / 1e6:.2f}',
        )
    return table


def recompute(row: Published) -> dict[str, Any]:
    """Recompute a published row; return both as JSON-serializable data."""
    found = build_subject(row.path, row.size, row.options)
    macs = count_macs(found.model, found.run)
    parameters = row.count(found.model)
    exact = sum(p.numel() for p in found.model.parameters())
    same = agrees(row.parameters, parameters) and agrees(row.macs, macs / 2**30)
    return dict(
        name=row.name,
        published=dict(parameters=row.parameters, macs=row.macs, source=row.source),
        parameters=parameters,
        exact_parameters=exact,
        macs=macs,
        agrees=same,
        note=row.note,
    )


def published_table(rows: Iterable[dict[str, Any]]) -> Table:
    """Return a table of published and recomputed figures, for 80 columns."""
    table = Table(title='published and recomputed figures', box=None)
    table.add_column('', overflow='fold')
    for title in ('10^6 par.', 'exactly', 'MACs/2^30', ''):
        table.add_column(title, justify='right', no_wrap=True)
    for row in rows:
        published = row['published']
        table.add_row(
            row['name'],
            f'{published["parameters"]}, {row["parameters"]:.2f}',
            f'{row["exact_parameters"]:,}',
            f'{published["macs"]}, {row["macs"] / 2**30:.2f}',
            'equal' if row['agrees'] else 'DIFFERS',
        )
    return table


def published_notes(
    rows: Iterable[dict[str, Any]], others: dict[str, str]
) -> list[str]:
    """Return the notes on recomputed rows, and on figures that cannot be reproduced."""
    notes = [f'{row["name"]}: {row["note"]}' for row in rows if row['note']]
    return [*notes, *(f'{name}: {reason}' for name, reason in others.items())]
