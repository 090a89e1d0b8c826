"""Depth: head, loss, estimator and test-time augmentation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.losses import SiLogLoss as StockSiLogLoss
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from hrnet_mm.checkpoints import inspect, read
from hrnet_mm.engine import CheckClassesHook
from hrnet_mm.seg import (
    CheckWindowHook,
    DepthHead,
    DepthTTAModel,
    HRNetV2Head,
    SiLogLoss,
)

CONFIG = (
    Path(__file__).resolve().parents[2]
    / 'configs/seg/hrnetv2-depth_w18_small_v1_tiny-depth.py'
)
SLIDE = dict(mode='slide', crop_size=(64, 64), stride=(32, 32))


def build(**changes) -> nn.Module:
    cfg = Config.fromfile(str(CONFIG))
    cfg.merge_from_dict({'model.' + key: value for key, value in changes.items()})
    cfg.model.backbone.update(norm_cfg=dict(type='BN'), precision='float32')
    cfg.model.decode_head.norm_cfg = dict(type='BN')
    init_default_scope('mmseg')
    return MODELS.build(cfg.model)


def sample(depth: torch.Tensor, **metainfo) -> SegDataSample:
    shape = tuple(depth.shape[-2:])
    it = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape, **metainfo))
    it.gt_depth_map = PixelData(data=depth)
    return it


def silog(depth: np.ndarray, truth: np.ndarray) -> float:
    """Section 3.2 of 1406.2283, in numpy, with a root; pixel by pixel."""
    of_images = []
    for d, t in zip(depth, truth, strict=True):
        logs = [
            np.log(x) - np.log(y)
            for x, y in zip(t.ravel(), d.ravel(), strict=True)
            if x > 1e-6
        ]
        if logs:
            square = sum(x * x for x in logs) / len(logs)
            of_images.append((square - (sum(logs) / len(logs)) ** 2 / 2) ** 0.5)
    return sum(of_images) / max(len(of_images), 1)


@pytest.fixture
def depths() -> tuple[torch.Tensor, torch.Tensor]:
    """Predicted and true depth of three images, the last one without any truth."""
    depth, truth = torch.rand(2, 3, 1, 8, 10) * 9 + 0.5
    truth[0, :, :3] = 0
    truth[2] = 0
    return depth, truth


def test_the_loss_is_that_of_the_paper(depths):
    depth, truth = depths
    expected = silog(depth.numpy(), truth.numpy())
    assert float(SiLogLoss()(depth, truth)) == pytest.approx(expected, rel=1e-5)
    assert float(SiLogLoss(2.5)(depth, truth)) == pytest.approx(2.5 * expected)
    stock = StockSiLogLoss()(depth[:2], truth[:2])  # it counts the third one as 0
    assert float(SiLogLoss()(depth, truth)) == pytest.approx(float(stock), rel=1e-5)


def test_neither_empty_nor_perfect_images_make_gradients_nan(depths):
    depth, truth = depths
    truth[1] = depth[1]
    depth.requires_grad_()
    SiLogLoss()(depth, truth).backward()
    assert depth.grad.isfinite().all()
    assert (depth.grad[0, :, 3:] != 0).any()
    assert not depth.grad[0, :, :3].any()  # without a truth
    assert not depth.grad[1:].any()
    depth.grad = None
    StockSiLogLoss()(depth, truth).backward()
    assert depth.grad.isnan().any()  # or ours is not needed


def test_the_loss_of_a_scaled_prediction_is_less_than_its_square():
    truth = torch.full((1, 1, 4, 4), 2.0)
    found = float(SiLogLoss()(2 * truth, truth))
    assert found == pytest.approx(np.log(2) * 0.5**0.5, rel=1e-5)


def test_the_head_predicts_metres_up_to_its_maximum():
    head = DepthHead(8, max_depth=10).eval()
    x = (torch.randn(2, 8, 6, 5),)
    middle = head(x)
    assert middle.shape == (2, 1, 6, 5)
    assert middle.mean().item() == pytest.approx(5, abs=0.5)  # at the start
    nn.init.constant_(head.conv_depth.bias, 50.0)
    assert head(x).max().item() == pytest.approx(10)
    nn.init.constant_(head.conv_depth.bias, -50.0)
    assert 0 < head(x).max() < 1e-6
    metas = [dict(img_shape=(24, 20))]
    assert head.predict(x, metas, {}).shape == (2, 1, 24, 20)
    with pytest.raises(ValueError, match='max_depth=0 of DepthHead must be positive'):
        DepthHead(8, max_depth=0)


def test_a_checkpoint_tells_that_it_predicts_depth(tmp_path):
    model = build()
    torch.save(model.state_dict(), tmp_path / 'depth.pth')
    parts = {it['name']: it for it in inspect(read(tmp_path / 'depth.pth'))['parts']}
    assert parts['decode_head']['loads_into'] == 'hrnet_mm.DepthHead()'
    state = model.decode_head.state_dict()
    stock = dict(in_channels=240, num_classes=2, norm_cfg=dict(type='BN'))
    missing, unknown = HRNetV2Head(**stock).load_state_dict(state, strict=False)
    assert {*missing} == {'conv_seg.weight', 'conv_seg.bias'}
    assert {*unknown} == {'conv_depth.weight', 'conv_depth.bias'}


def test_losses_are_computed_at_the_size_of_the_truth_and_summed_by_name():
    loss = dict(type='hrnet_mm.SiLogLoss')
    other = dict(loss, loss_name='loss_other', loss_weight=3.0)
    head = DepthHead(8, max_depth=10, loss_decode=[loss, loss, other])
    x = (torch.randn(2, 8, 6, 5),)
    samples = [sample(torch.rand(1, 24, 20) * 5 + 1) for _ in range(2)]
    losses = head.loss(x, samples, {})
    depth = nn.functional.interpolate(head(x), (24, 20), mode='bilinear')
    truth = torch.stack([it.gt_depth_map.data for it in samples])
    expected = SiLogLoss()(depth, truth)
    torch.testing.assert_close(losses['loss_silog'], 2 * expected)
    torch.testing.assert_close(losses['loss_other'], 3 * expected)
    with pytest.raises(ValueError, match=r'no depth map: add .*hrnet_mm\.LoadDepth'):
        head.loss(x, [SegDataSample()], {})


def test_padded_pixels_have_no_depth():
    """The loss of a batch with padding is that of its images."""
    model = build().train()
    model.data_preprocessor.size = (96, 96)
    images = [torch.randint(0, 255, (3, 64, width)).byte() for width in (64, 96)]
    truths = [torch.rand(1, 64, width) * 5 + 1 for width in (64, 96)]
    data = dict(inputs=images, data_samples=[*map(sample, truths)])
    batch = model.data_preprocessor(data, training=True)
    assert batch['inputs'].shape == (2, 3, 96, 96)
    depth = torch.rand(2, 1, 96, 96) + 1
    padded = torch.stack([it.gt_depth_map.data for it in batch['data_samples']])
    whole = [
        SiLogLoss()(depth[i : i + 1, :, :64, : t.shape[-1]], t[None])
        for i, t in enumerate(truths)
    ]
    torch.testing.assert_close(SiLogLoss()(depth, padded), sum(whole) / 2)


def test_padding_with_a_depth_is_refused():
    dataset = SimpleNamespace(metainfo=dict(classes=()), ignore_index=0)
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=dataset))
    runner.model = build()
    CheckClassesHook().before_train(runner)
    runner.model = build(**{'data_preprocessor.seg_pad_val': 255})
    keys = r'Set model.data_preprocessor.seg_pad_val=0$'
    with pytest.raises(ValueError, match=keys):
        CheckClassesHook().before_train(runner)


def test_windows_slide_and_their_results_are_kept(randomised):
    x = torch.rand(1, 3, 64, 96)
    model = randomised(build()).eval()
    modes = (dict(mode='whole'), SLIDE, dict(SLIDE, mode='slide_flip'))
    whole, slide, flip = map(ConfigDict, modes)

    def predict(test_cfg, x):
        model.test_cfg = test_cfg
        metas = [dict(ori_shape=x.shape[2:], img_shape=x.shape[2:])]
        with torch.no_grad():
            return model.inference(x, metas)

    windows = [predict(whole, x[..., left : left + 64]) for left in (0, 32)]
    expected = torch.zeros(1, 1, 64, 96)
    expected[..., :64] += windows[0]
    expected[..., 32:] += windows[1]
    expected[..., 32:64] /= 2
    torch.testing.assert_close(predict(slide, x), expected)
    assert (predict(slide, x) - predict(whole, x)).abs().max() > 1e-3
    mirrored = predict(slide, x.flip(3)).flip(3)
    torch.testing.assert_close(predict(flip, x), (expected + mirrored) / 2)


@pytest.mark.parametrize('mode', ['whole', 'slide', 'slide_flip'])
def test_the_modes_of_an_estimator_pass(mode):
    model = build(test_cfg=dict(SLIDE, mode=mode))
    CheckWindowHook().before_train(SimpleNamespace(model=model))
    model.test_cfg = dict(mode=mode)
    if mode != 'whole':
        with pytest.raises(ValueError, match=f'mode="{mode}" needs crop_size='):
            CheckWindowHook().before_test(SimpleNamespace(model=model))


class Module(nn.Module):
    def test_step(self, data):
        """Never called; mmengine looks for it."""


def test_augmentation_averages_depths():
    views = [sample(torch.ones(1, 2, 2), img_path=name) for name in 'ab']
    for view, depth in zip(views, (2.0, 4.0), strict=True):
        view.pred_depth_map = PixelData(data=torch.full((1, 2, 2), depth))
    (merged,) = DepthTTAModel(module=Module()).merge_preds([views])
    assert merged.img_path == 'a'
    assert (merged.pred_depth_map.data == 3).all()
    assert (merged.gt_depth_map.data == 1).all()


def test_a_mirrored_view_is_mirrored_back(randomised):
    model = randomised(build()).eval()
    x = torch.rand(1, 3, 64, 96)
    plain, mirrored = (
        SegDataSample(metainfo=dict(img_shape=(64, 96), ori_shape=(64, 96), **flip))
        for flip in (dict(), dict(flip=True, flip_direction='horizontal'))
    )
    with torch.no_grad():
        (one,) = model.predict(x, [plain])
        (other,) = model.predict(x, [mirrored])
    torch.testing.assert_close(
        one.pred_depth_map.data.flip(2), other.pred_depth_map.data
    )
