"""The same on a GPU; the numbers of CUDA graphs are those of the network."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import hrnet_mm
from hrnet_mm.inference.fused_conv import FusedConv
from hrnet_mm.models import HRNet

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')

SIZES = [(1, 3, 64, 64), (2, 3, 96, 64)]


@pytest.fixture
def trunk(randomised, monkeypatch) -> HRNet:
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    return randomised(HRNet('w18_small_v1')).cuda()


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).cuda()


def error(got, model: HRNet, x: torch.Tensor) -> float:
    """The largest, as a share of the largest value, against double precision."""
    with torch.no_grad():
        wanted = copy.deepcopy(model).eval().double()(x.double())
    return max(
        ((y.double() - truth).abs().max() / truth.abs().max()).item()
        for y, truth in zip(got, wanted, strict=True)
    )


@pytest.mark.parametrize('sizes', [(), SIZES])
def test_float32_is_within_rounding(trunk, sizes):
    ready = hrnet_mm.deploy(trunk, sizes=sizes)
    for shape in [*SIZES, (1, 3, 33, 47)]:
        x = images(*shape)
        assert error(ready(x), trunk, x) <= 1e-4
        assert error(ready(2 * x), trunk, 2 * x) <= 1e-4


def test_bfloat16_is_near_and_comes_as_float32(trunk):
    x = images(*SIZES[0])
    ready = hrnet_mm.deploy(trunk, sizes=SIZES, dtype=torch.bfloat16)(x)
    assert {y.dtype for y in ready} == {torch.float32}
    assert error(ready, trunk, x) <= 0.1


def test_results_are_not_overwritten_by_the_next_ones(trunk):
    ready = hrnet_mm.deploy(trunk, sizes=SIZES)
    x = images(*SIZES[0])
    first = ready(x)
    ready(-x)
    assert error(first, trunk, x) <= 1e-4


def test_cudnn_adds_and_rectifies(trunk):
    ready = hrnet_mm.deploy(trunk)
    ready(images(*SIZES[0]))
    convs = [m for m in ready.modules() if isinstance(m, FusedConv)]
    assert not any(conv._refused for conv in convs)


def test_a_compiled_size_is_one_launch(trunk):
    ready = hrnet_mm.deploy(trunk, sizes=SIZES)
    x = images(*SIZES[0])
    ready(x)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        ready(x)
        torch.cuda.synchronize()
    launches = [e for e in profiled.events() if 'Launch' in e.name]
    assert sum('cudaGraphLaunch' in e.name for e in launches) == 1
    assert len(launches) <= 20  # input and results are copied
