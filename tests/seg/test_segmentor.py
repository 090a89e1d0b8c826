"""OCRNet runs each head once, and rejects inconsistent parts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn.modules.batchnorm import _BatchNorm

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
TINY = [
    'seg/hrnetv2_w18_small_v1_tiny-seg.py',
    'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
]


def model_cfg(name: str) -> Config:
    return Config.fromfile(str(CONFIGS / name)).model


def build(cfg: Config) -> torch.nn.Module:
    from mmengine.model import revert_sync_batchnorm

    init_default_scope('mmseg')
    return revert_sync_batchnorm(MODELS.build(cfg))


def batch(size: int = 64) -> tuple[torch.Tensor, list[SegDataSample]]:
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=torch.randint(5, (1, size, size)))
        samples.append(sample)
    return torch.rand(2, 3, size, size), samples


@pytest.mark.parametrize('name', TINY)
def test_every_batch_norm_counts_a_step_once(name):
    model = build(model_cfg(name)).train()
    losses = model.loss(*batch())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    counts = [
        m.num_batches_tracked.item()
        for m in model.modules()
        if isinstance(m, _BatchNorm)
    ]
    assert counts
    assert set(counts) == {1}
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not missing  # DDP needs a gradient for each


def test_the_losses_of_both_heads_are_named_as_in_mmseg():
    losses = build(model_cfg(TINY[1])).train().loss(*batch())
    assert {'decode_0.loss_ce', 'decode_1.loss_ce'} <= set(losses)


def test_the_first_head_learns_from_the_second():
    """The regions of OCR are not detached."""
    model = build(model_cfg(TINY[1])).train()
    model.loss(*batch())['decode_1.loss_ce'].backward()
    assert model.decode_head[0].conv_seg.weight.grad.any()


def test_heads_of_different_classes_are_refused():
    cfg = model_cfg(TINY[1])
    cfg.decode_head[0].num_classes = 4
    with pytest.raises(
        ValueError, match=r'decode_head\[0\]\.num_classes=4, decode_hea'
    ):
        build(cfg)


@pytest.mark.parametrize('part', ['backbone', 'neck', 'head'])
def test_corners_that_are_aligned_here_and_not_there_are_refused(part):
    cfg = model_cfg(TINY[1])
    if part == 'backbone':
        cfg.backbone.upsample_cfg.align_corners = True
    elif part == 'neck':
        cfg.neck.align_corners = True
    else:
        cfg.decode_head[1].align_corners = True
    with pytest.raises(
        ValueError, match=r'align_corners must be the same.*align_corne'
    ):
        build(cfg)


@pytest.mark.parametrize('name', TINY)
@pytest.mark.parametrize('size', [(64, 96), (97, 130), (32, 32)])
def test_whole_and_sliding_windows_take_any_size(name, size):
    model = build(model_cfg(name)).eval()
    x = torch.rand(1, 3, *size)
    for test_cfg in (
        dict(mode='whole'),
        dict(mode='slide', crop_size=(64, 64), stride=(43, 43)),
    ):
        model.test_cfg = ConfigDict(test_cfg)
        with torch.no_grad():
            (result,) = model.predict(x)
        assert result.seg_logits.data.shape == (5, *size)
        assert result.pred_sem_seg.data.shape == (1, *size)


def test_a_window_of_the_whole_image_changes_nothing():
    model = build(model_cfg(TINY[1])).eval()
    results = []
    for test_cfg in (
        dict(mode='whole'),
        dict(mode='slide', crop_size=(64, 96), stride=(64, 96)),
    ):
        model.test_cfg = ConfigDict(test_cfg)
        with torch.no_grad():
            results.append(model.predict(torch.ones(1, 3, 64, 96))[0].seg_logits.data)
    torch.testing.assert_close(*results)
