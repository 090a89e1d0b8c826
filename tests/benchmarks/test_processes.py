"""Speedup of several processes, and the cost of communication."""

from __future__ import annotations

import re

import pytest

from benchmarks.processes import (
    NETWORK_BANDWIDTH,
    NVLINK_BANDWIDTH,
    Estimate,
    estimate_table,
)


@pytest.mark.jobs
def test_two_processes_on_this_machine(run_python):
    done = run_python(
        '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2',
        '-m', 'benchmarks.processes', '--arch', 'w18_small_v1', '--batch', '1',
        OMP_NUM_THREADS='1',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(
        r'2 processes, w18_small_v1, 1 images each: \d\.\d\d times the images/s of one '
        r'\(.*\), -?\d+% of a step is communication',
        done.stdout,
    )
    assert '| 512 | ' in done.stdout


def test_the_estimate_uses_the_slowest_link():
    one_node, many = Estimate(8, 1_000_000), Estimate(512, 1_000_000)
    assert one_node.bytes == pytest.approx(7e6)
    assert one_node.communication > 7e6 / NVLINK_BANDWIDTH
    assert many.communication > 7.98e6 / NETWORK_BANDWIDTH
    assert 0 < one_node.share < many.share < 1
    assert len(estimate_table('w32').splitlines()) == 7
