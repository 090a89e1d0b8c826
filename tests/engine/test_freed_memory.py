"""Reuse of freed memory by the C library."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource
import torch
from hrnet_mm.engine.freed_memory import keep_freed_memory
{call}
def use():
    torch.ones(1 << 24)
for _ in range(8):
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(call: str) -> int:
    done = subprocess.run(
        [sys.executable, '-c', CODE.format(call=call)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(MALLOC_ARENA_MAX='1'),
    )
    return int(done.stdout.split()[-1])


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc')
def test_a_tensor_gets_the_memory_of_the_previous_one():
    """64 MiB are 16384 pages, which the system clears each time by default."""
    by_default, kept = map(count_faults, ('', 'keep_freed_memory()'))
    assert by_default > 16384
    assert kept < by_default / 3  # other blocks may come between
