"""The models of ``model-index.yml``: a config of ours, and published weights for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import yaml

MIM = Path(__file__).resolve().parents[1] / '.mim'


@dataclass(frozen=True)
class Model:
    """An entry of the index."""

    name: str
    config: Path
    weights: str


@cache
def models() -> dict[str, Model]:
    """All entries by name."""
    index = yaml.safe_load((MIM / 'model-index.yml').read_text())
    found = {}
    for path in index['Import']:
        for entry in yaml.safe_load((MIM / path).read_text()).get('Models', ()):
            config = MIM / entry['Config']
            found[entry['Name']] = Model(entry['Name'], config, entry['Weights'])
    return found


def no_such_name(name: str, names: Iterable[str]) -> str:
    """A message with the nearest names, not with all."""
    names = list(names)
    nearest = get_close_matches(name, names, n=4, cutoff=0.5) or names[:4]
    has_config = any(path.stem == name for path in (MIM / 'configs').rglob('*.py'))
    what = f'there are no weights {name!r}'
    if has_config:
        what = f'{name!r} is a config without published weights'
    return (
        f'{what}. The nearest names: {", ".join(nearest)}; `hrnet-mm fetch` lists all'
    )
