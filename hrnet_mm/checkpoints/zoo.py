"""The model zoo: the configs of ``model-index.yml``, and all published weights.

The metafiles beside the configs and ``configs/weights.yml`` are one table: what each
name stands for, where the files are, and what is known about them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MIM = Path(__file__).resolve().parents[1] / '.mim'
WEIGHTS = 'configs/weights.yml'

# OpenMMLab's file names end in the first digits of the SHA-256 and possibly a date.
CHECKSUM = re.compile(r'[-_]([0-9a-f]{8})(?:[-_]20[12]\d[01]\d[0-3]\d)?\.\w+$')


@dataclass(frozen=True)
class Mirror:
    """A published file.

    Mirrors of the same weights may differ in format, and so in their digests.

    Attributes:
        file: The name of the file in the cache.
        url: The address, or None for a file that can only be copied by hand.
        sha256: The SHA-256 in hex, complete or its first 8 digits; None if unknown.
        source: The address of the project that trained or converted the weights, or
            None if unknown.
        licence: The licence, and in brackets what states it; None if unknown.
    """

    file: str
    url: str | None
    sha256: str | None = None
    source: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Weights:
    """Published weights.

    Attributes:
        name: The name for ``hrnet://`` and ``hrnet-mm fetch``.
        mirrors: The files, in the order in which they are tried.
        trained_on: The training data.
        config: The config of the model, or None for a trunk or a detector.
    """

    name: str
    mirrors: tuple[Mirror, ...]
    trained_on: str
    config: Path | None = None


@cache
def entries() -> tuple[dict[str, Any], ...]:
    """Return all entries of the metafiles, with or without published weights."""
    index = yaml.safe_load((MIM / 'model-index.yml').read_text())
    files = [yaml.safe_load((MIM / path).read_text()) for path in index['Import']]
    return tuple(entry for file in files for entry in file.get('Models', ()))


@cache
def models() -> dict[str, Weights]:
    """Return the weights of the configs, by the name of the config."""
    return {
        entry['Name']: Weights(
            entry['Name'],
            (make_mirror(entry['Weights'], entry['Metadata'].get('SHA256')),),
            # of some, another one than it is evaluated on
            trained_on=entry['Metadata'].get(
                'Trained on', entry['Results'][0]['Dataset']
            ),
            config=MIM / entry['Config'],
        )
        for entry in entries()
        if 'Weights' in entry
    }


@cache
def weights() -> dict[str, Weights]:
    """Return all published weights by name."""
    others = {
        entry['Name']: Weights(
            entry['Name'],
            tuple(map(_read_mirror, entry['Mirrors'])),
            trained_on=entry['Trained on'],
            config=MIM / entry['Config'] if 'Config' in entry else None,
        )
        for entry in _table()['Weights']
    }
    return others | models()


@cache
def _table() -> dict[str, Any]:
    return yaml.safe_load((MIM / WEIGHTS).read_text())


def _read_mirror(row: Mapping[str, str]) -> Mirror:
    if 'URL' in row:
        return make_mirror(row['URL'], row.get('SHA256'))
    return Mirror(row['File'], None, row['SHA256'], row['Source'], row['Licence'])


def make_mirror(url: str, sha256: str | None = None) -> Mirror:
    """Return what is known about the file of a URL.

    Args:
        url: Any address, in the table or not.
        sha256: The complete SHA-256; by default the digits in the name of the file.
    """
    digits = CHECKSUM.search(url)
    sources = _table()['Sources']
    about: dict[str, str] = next(
        (it for it in sources if url.startswith(it['URL'])), {}
    )
    return Mirror(
        file_name(url),
        url,
        sha256 or (digits[1] if digits else None),
        about.get('Source'),
        about.get('Licence'),
    )


def file_name(url: str) -> str:
    """Return the name of a file in the cache.

    The files of timm, which are all called ``model.safetensors``, are named after their
    repository.
    """
    *_, repository, _, _, name = ['', '', '', *url.split('/')]
    return f'{repository}.safetensors' if name == 'model.safetensors' else name


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
