"""Detectors that train as CUDA graphs, on batches of many sizes."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmdet')

from benchmarks.graph_memory import draw_batches


@pytest.mark.jobs
@pytest.mark.skipif(torch.cuda.is_available(), reason='takes minutes on a GPU')
def test_without_a_gpu_the_command_says_so(run_python):
    done = run_python('-m', 'benchmarks.graph_memory', '--steps', '10')
    assert done.returncode == 2
    assert 'need a GPU' in done.stderr


def test_batches_are_multiples_of_the_divisor():
    sizes = draw_batches(10, 128)
    assert len(sizes) == 10
    assert not any(side % 128 for size in sizes for side in size)
