"""Files that hold all of their content at every moment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write_whole(
    path: Path, data: bytes | memoryview, advice: str = 'Make room, and try again'
) -> None:
    """Write a file, which holds the old or the new content at every moment.

    Args:
        path: Of the file; its folder is made.
        data: The new content.
        advice: What to do on a full disk, for the message.

    Raises:
        OSError: if it cannot be written; what was there before still is.
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
    finally:  # also of Ctrl-C
        part.unlink(missing_ok=True)
