"""Reuse of freed memory by the C library."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# parameters of mallopt(3) in glibc
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1  # bytes
LARGEST_BEFORE = 32 << 20  # what older versions of glibc accept as M_MMAP_THRESHOLD


@cache
def keep_freed_memory() -> None:
    """Let this process keep freed memory, up to 2 GiB, for its next arrays and tensors.

    By default glibc returns large blocks to the system, which clears each page again
    for the next block. For images and feature maps that takes longer than to compute
    them. Without glibc, this does nothing.
    """
    if sys.platform != 'linux':
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # musl has none
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_MMAP_THRESHOLD, LARGEST) or mallopt(M_MMAP_THRESHOLD, LARGEST_BEFORE)
