"""SHA-256 of checkpoint files, computed once and kept beside the file."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from hrnet_mm.files import write_atomically

from .safe_load import CheckpointError

BLOCK = 2**20  # bytes that are read at once


class ChecksumError(CheckpointError):
    """A file with another SHA-256 than the published one."""


def check(found: str, expected: str | None) -> None:
    """Raise unless a SHA-256 begins with the expected digits.

    Args:
        found: The SHA-256 of the file in hex.
        expected: The published SHA-256, complete or its first digits; None if unknown.

    Raises:
        ChecksumError: with both digests.
    """
    if expected is not None and not found.startswith(expected):
        rest = '...' if len(expected) < len(found) else ''
        raise ChecksumError(f'its SHA-256 is {found}, not {expected}{rest}')


def read_or_compute(path: Path) -> str:
    """Return the SHA-256 of a file in the cache, which is read at most once.

    ``FILE.sha256`` beside it keeps the digest, with the size and the modification time
    of the file: if one of them changes, the file is read again.
    """
    kept = path.with_name(f'{path.name}.sha256')
    stat = path.stat()
    state = f'{stat.st_size} {stat.st_mtime_ns}'
    with suppress(OSError, ValueError):
        digest, size, time = kept.read_text().split()
        if f'{size} {time}' == state:
            return digest
    digest = compute(path)
    with suppress(OSError):  # a cache that others share may be read-only
        write_atomically(kept, f'{digest} {state}\n'.encode())
    return digest


def compute(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
