"""SingleRoIExtractor keeps boxes in float32 under mixed precision."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmdet')

from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor as Stock

from hrnet_mm.det import SingleRoIExtractor

SETTINGS = dict(
    roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
    out_channels=8,
    featmap_strides=[4, 8],
)
ROIS = torch.tensor([[0, 101.3, 53.7, 349.9, 251.1], [1, 3.3, 5.7, 60.1, 90.9]])


@pytest.fixture
def levels() -> tuple[torch.Tensor, ...]:
    return torch.randn(2, 8, 96, 128), torch.randn(2, 8, 48, 64)


def test_in_float32_it_is_mmdet_s(levels):
    ours, theirs = (
        kind(**SETTINGS)(levels, ROIS) for kind in (SingleRoIExtractor, Stock)
    )
    assert torch.equal(ours, theirs)


@pytest.mark.filterwarnings('ignore:RoIs in bfloat16')
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_boxes_are_not_rounded_to_the_dtype_of_the_features(levels, dtype):
    narrow = tuple(level.to(dtype) for level in levels)
    exact = Stock(**SETTINGS)(tuple(level.float() for level in narrow), ROIS)
    assert torch.equal(SingleRoIExtractor(**SETTINGS)(narrow, ROIS), exact)
    rounded = Stock(**SETTINGS)(narrow, ROIS)
    assert not torch.equal(rounded, exact.to(dtype))


def test_gradients_reach_the_narrow_features(levels):
    narrow = tuple(level.bfloat16().requires_grad_() for level in levels)
    SingleRoIExtractor(**SETTINGS)(narrow, ROIS).sum().backward()
    assert all(level.grad.dtype == torch.bfloat16 for level in narrow)


@pytest.mark.jobs
def test_the_drop_in_takes_its_place(run_python):
    code = (
        'import hrnet_mm.dropin\n'
        'from mmengine.registry import MODELS\n'
        'print(MODELS.get("mmdet.SingleRoIExtractor").__module__)'
    )
    done = run_python('-c', code)
    assert done.stdout.split()[-1] == 'hrnet_mm.det.roi_extractors', done.stderr[-2000:]
