"""Helpers for reports: Markdown tables and files."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hrnet_mm.files import write_atomically


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, *rows]
    first, *others = ('| ' + ' | '.join(cells) + ' |' for cells in lines)
    return '\n'.join([first, '|---' * len(head) + '|', *others])


def spread(values: Sequence[float], form: str, unit: str = '') -> str:
    """Format median and range, such as ``2.0 s (1.0 to 4.0)``.

    Args:
        values: One or more values.
        form: Format specification, such as ``'.1f'``.
        unit: Printed after the median.
    """
    middle, low, high = (f(values) for f in (statistics.median, min, max))
    return f'{middle:{form}}{unit} ({low:{form}} to {high:{form}})'


def measured_with(about: Mapping[str, Any]) -> str:
    """Return a sentence that describes the machine and the settings."""
    facts = ', '.join(f'{key} {value}' for key, value in about.items())
    return f'Measured with {facts}.'


def save(
    stem: Path, text: str, content: Mapping[str, Any], draw: Callable[[Path], None]
) -> list[Path]:
    """Write the files of a report: Markdown, JSON and a PNG chart.

    Args:
        stem: Path without suffix; its folder is created.
        text: Content of the Markdown file.
        content: Content of the JSON file.
        draw: Writes the chart to a path.

    Returns:
        The paths of the three files.
    """
    paths = [stem.with_suffix(suffix) for suffix in ('.md', '.json', '.png')]
    write_atomically(paths[0], text.encode())
    write_atomically(paths[1], json.dumps(content, indent=2).encode())
    draw(paths[2])
    return paths
