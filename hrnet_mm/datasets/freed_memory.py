"""Reuse of the memory of images by the C library."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# parameters of mallopt(3) in glibc
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_BLOCK = 32 << 20  # bytes; glibc accepts no more
LARGEST_REST = 512 << 20


@cache
def keep_freed_memory() -> None:
    """Let this process keep the memory of freed arrays for the next ones.

    By default glibc returns blocks of the size of an image to the system, which clears
    each page again for the next image. That takes longer than to resize it. The process
    keeps up to 512 MiB more than it uses. Without glibc, this does nothing.
    """
    if sys.platform != 'linux':
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # musl has none
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, LARGEST_REST)
