"""Atomic writing of files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write_atomically(
    path: Path, data: bytes | memoryview, advice: str = 'Free disk space and try again'
) -> None:
    """Write a file such that it always has either the old or the new content.

    Args:
        path: The path of the file; missing folders are created.
        data: The new content.
        advice: What the error message advises, such as on a full disk.

    Raises:
        OSError: If the file cannot be written; the old content remains.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    try:
        with part.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno,
            f'{error.strerror}: it needs {len(data) / 1e6:.1f} MB, its disk has '
            f'{free / 1e6:.1f} MB free. {advice}',
            str(path),
        ) from error
    finally:  # also on Ctrl-C
        part.unlink(missing_ok=True)
