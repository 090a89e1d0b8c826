"""The model zoo: the configs of ``model-index.yml`` and their published weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MIM = Path(__file__).resolve().parents[1] / '.mim'


@dataclass(frozen=True)
class Model:
    """Entry of the index that has published weights."""

    name: str
    config: Path
    weights: str


@cache
def entries() -> tuple[dict[str, Any], ...]:
    """Return all entries of the metafiles, with or without published weights."""
    index = yaml.safe_load((MIM / 'model-index.yml').read_text())
    files = [yaml.safe_load((MIM / path).read_text()) for path in index['Import']]
    return tuple(entry for file in files for entry in file.get('Models', ()))


@cache
def models() -> dict[str, Model]:
    """Return the entries that have published weights, by name."""
    return {
        entry['Name']: Model(entry['Name'], MIM / entry['Config'], entry['Weights'])
        for entry in entries()
        if 'Weights' in entry
    }


def describe_unknown_name(name: str, names: Iterable[str]) -> str:
    """Return an error message that suggests the nearest of the known names."""
    names = list(names)
    nearest = get_close_matches(name, names, n=4, cutoff=0.5) or names[:4]
    what = f'there are no weights {name!r}'
    if any(entry['Name'] == name for entry in entries()):
        what = f'{name!r} is a config without published weights'
    return (
        f'{what}. The nearest names: {", ".join(nearest)}; `hrnet-mm fetch` lists all'
    )
