"""The models of ``model-index.yml``: a config of ours, and published weights for it."""

from __future__ import annotations

from dataclasses import dataclass
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
