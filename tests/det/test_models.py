"""Detectors with our trunk and neck have the outputs of MMDetection's."""

from __future__ import annotations

from pathlib import Path

import pytest
import stock
import torch
from batches import detection_batch

pytest.importorskip('mmdet')

import mmdet
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from hrnet_mm.models.layout import to_channels_last

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/det'
STOCK = Path(mmdet.__file__).parent / '.mim/configs/hrnet'
PAIRS = {
    'faster-rcnn_hrnetv2p_w18_coco-1x': 'faster-rcnn_hrnetv2p-w18-1x_coco',
    'mask-rcnn_hrnetv2p_w18_coco-1x': 'mask-rcnn_hrnetv2p-w18-1x_coco',
    'cascade-rcnn_hrnetv2p_w18_coco-20e': 'cascade-rcnn_hrnetv2p-w18-20e_coco',
    'cascade-mask-rcnn_hrnetv2p_w18_coco-20e': (
        'cascade-mask-rcnn_hrnetv2p-w18_20e_coco'
    ),
    'htc_hrnetv2p_w18_coco-20e': 'htc_hrnetv2p-w18_20e_coco',
    'fcos_hrnetv2p_w18_coco-1x': 'fcos_hrnetv2p-w18-gn-head_4xb4-1x_coco',
}


def build(path: Path) -> torch.nn.Module:
    init_default_scope('mmdet')
    cfg = Config.fromfile(str(path))
    stock.in_float32(cfg.model)
    return MODELS.build(cfg.model)


@pytest.mark.parametrize(
    'name', ['mask-rcnn_hrnetv2p_w18_coco-1x', 'fcos_hrnetv2p_w18_coco-1x']
)
def test_losses_and_gradients_are_the_same_in_channels_last(name, randomised):
    """mmcv's operators read the memory of a tensor whatever its layout is."""
    model = randomised(build(CONFIGS / f'{name}.py'))
    results = []
    for _ in range(2):
        model.zero_grad()
        found = losses(model)
        found['loss'].backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
        results.append((found, gradients))
        to_channels_last(model)
    (wanted, wanted_grads), (got, grads) = results
    for key in wanted:
        torch.testing.assert_close(got[key], wanted[key], rtol=1e-4, atol=1e-6)
    for key in wanted_grads:
        error = (grads[key] - wanted_grads[key]).norm()
        assert error <= 0.02 * wanted_grads[key].norm() + 1e-6, key


def losses(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    model.train()
    data = model.data_preprocessor(detection_batch(), training=True)
    torch.manual_seed(0)  # samplers draw
    return model.parse_losses(model(**data, mode='loss'))[1]


@pytest.mark.parametrize('name', PAIRS)
def test_state_dict_and_losses_are_mmdet_s(name, randomised):
    theirs = randomised(build(STOCK / f'{PAIRS[name]}.py'))
    ours = build(CONFIGS / f'{name}.py')
    ours.load_state_dict(theirs.state_dict(), strict=True)
    wanted, got = losses(theirs), losses(ours)
    assert list(got) == list(wanted)
    assert all(value.isfinite() for value in wanted.values())
    for key in wanted:
        torch.testing.assert_close(got[key], wanted[key], rtol=1e-5, atol=1e-7)
