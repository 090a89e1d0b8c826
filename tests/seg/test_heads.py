"""HRNetV2 and OCR heads have the outputs of MMSegmentation's models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from stock import in_float32

pytest.importorskip('mmseg')

import mmseg
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from hrnet_mm.models import HRNet, HRNetV2
from hrnet_mm.seg import OCRHead
from hrnet_mm.seg.heads import gather_objects

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
STOCK = Path(mmseg.__file__).parent / '.mim/configs'
PAIRS = {
    'hrnet/fcn_hr18s_4xb2-160k_cityscapes-512x1024.py':
        'seg/hrnetv2_w18_small_v2_cityscapes-512x1024.py',
    'ocrnet/ocrnet_hr18s_4xb2-160k_cityscapes-512x1024.py':
        'seg/hrnetv2-ocr_w18_small_v2_cityscapes-512x1024.py',
}  # fmt: skip
TOLERANCE = 1e-5  # of the largest value


def build(path: Path) -> torch.nn.Module:
    cfg = Config.fromfile(str(path))
    init_default_scope('mmseg')
    cfg.model.update(pretrained=None)
    in_float32(cfg.model)
    text = cfg.model.to_dict()
    return MODELS.build(with_batch_norm(text))


def with_batch_norm(cfg):
    """The same config for one process."""
    if isinstance(cfg, dict):
        return {k: with_batch_norm(v) for k, v in cfg.items()}
    if isinstance(cfg, list | tuple):
        return [with_batch_norm(v) for v in cfg]
    return 'BN' if cfg == 'SyncBN' else cfg


@pytest.mark.parametrize('stock', PAIRS)
def test_logits_gradients_and_names_are_those_of_mmseg(stock, randomised):
    theirs, ours = randomised(build(STOCK / stock)), build(CONFIGS / PAIRS[stock])
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(2, 3, 64, 96)
    results = []
    for model in (ours, theirs):
        model.train(False)
        logits = model._forward(x)
        (
            logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)
        ).mean().backward()
        results.append((logits, {n: p.grad for n, p in model.named_parameters()}))
    (logits, gradients), (their_logits, their_gradients) = results
    assert (logits - their_logits).abs().max() <= TOLERANCE * their_logits.abs().max()
    largest = max(g.abs().max() for g in their_gradients.values() if g is not None)
    for name, gradient in their_gradients.items():
        if gradient is not None:
            assert (gradients[name] - gradient).abs().max() <= TOLERANCE * largest, name


@pytest.mark.parametrize('arch', ['w18', 'w48'])
@pytest.mark.parametrize('kind', ['fcn', 'ocrnet'])
def test_state_dicts_of_mmseg_load_strictly(kind, arch):
    folder = {'fcn': 'hrnet', 'ocrnet': 'ocrnet'}[kind]
    stock = STOCK / f'{folder}/{kind}_hr{arch[1:]}_4xb2-160k_cityscapes-512x1024.py'
    name = {'fcn': 'hrnetv2', 'ocrnet': 'hrnetv2-ocr'}[kind]
    # the W48 leaves are the official recipe, with biases: take the head of W18's
    leaf = CONFIGS / f'seg/{name}_w18_cityscapes-512x1024.py'
    cfg = Config.fromfile(str(leaf)).model
    cfg.backbone.arch, channels = arch, 15 * int(arch[1:])
    for head in cfg.decode_head if kind == 'ocrnet' else [cfg.decode_head]:
        head.in_channels = channels
    with torch.device('meta'):
        init_default_scope('mmseg')
        ours = MODELS.build(with_batch_norm(cfg.to_dict()))
        theirs = build(stock)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.fixture
def head() -> OCRHead:
    init_default_scope('mmseg')  # of its loss, whatever test ran before
    return OCRHead(
        60, 32, ocr_channels=16, num_classes=4, norm_cfg=dict(type='BN'), bias=True
    )


def test_bias_and_dropout_are_the_official_ones_on_demand(head):
    assert head.bottleneck.conv.bias is not None
    assert head.object_context_block.bottleneck.conv.bias is None
    assert head.dropout.p == 0.05


@pytest.mark.parametrize('size', [(8, 8), (7, 9)])
def test_scale_pools_the_pixels_that_ask(size, head):
    """As the official code does; mmsegmentation's own scale does not run."""
    torch.manual_seed(0)
    scaled = OCRHead(
        60, 32, ocr_channels=16, num_classes=4, norm_cfg=dict(type='BN'), bias=True,
        scale=2,
    )  # fmt: skip
    scaled.load_state_dict(head.state_dict())
    x, logits = (torch.rand(2, 60, *size),), torch.randn(2, 4, *size)
    heads = [h.train(False) for h in (head, scaled)]
    a, b = (h(x, logits) for h in heads)
    assert a.shape == b.shape == (2, 4, *size)
    assert not torch.allclose(a, b)
    flat = (torch.ones(2, 60, 8, 8),)  # pooling changes nothing but the border
    a, b = (h(flat, torch.zeros(2, 4, 8, 8))[..., 2:-2, 2:-2] for h in heads)
    torch.testing.assert_close(a, b)


def test_objects_are_the_mean_of_their_pixels():
    pixels = torch.rand(1, 3, 2, 2)
    logits = torch.full((1, 2, 2, 2), -40.0)
    logits[0, 0, 0, :] = 0.0  # class 0 is the first row
    logits[0, 1, 1, 1] = 0.0  # class 1 the last pixel
    objects = gather_objects(pixels, logits)
    assert objects.shape == (1, 3, 2, 1)
    torch.testing.assert_close(objects[0, :, 0, 0], pixels[0, :, 0].mean(dim=-1))
    torch.testing.assert_close(objects[0, :, 1, 0], pixels[0, :, 1, 1])


@pytest.mark.parametrize('size', [(64, 96), (65, 97), (32, 32), (47, 33)])
def test_any_input_size_works(size, head):
    trunk = HRNet('w18_small_v1', upsample_cfg=dict(mode='bilinear')).train(False)
    features = HRNetV2()(trunk(torch.rand(1, 3, *size)))
    height, width = features[0].shape[-2:]
    wide = OCRHead(240, 16, ocr_channels=8, num_classes=4).train(False)
    assert wide(features, torch.rand(1, 4, height, width)).shape[-2:] == (height, width)
