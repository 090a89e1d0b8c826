"""Binary heads: ``num_classes=2, out_channels=1``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmseg')

from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from hrnet_mm.inference.exported_model import ExportedModel
from hrnet_mm.seg import CrossEntropyLoss, OhemCrossEntropyLoss, SegTTAModel
from hrnet_mm.seg.heads import gather_objects, soft_regions

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
TINY = [
    'seg/hrnetv2_w18_small_v1_tiny-seg.py',
    'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
]
BINARY = dict(num_classes=2, out_channels=1, threshold=0.45)
SIGMOID = dict(type='mmseg.CrossEntropyLoss', use_sigmoid=True)


def build(name: str, **changes) -> torch.nn.Module:
    cfg = Config.fromfile(str(CONFIGS / name)).model
    heads = cfg.decode_head if isinstance(cfg.decode_head, list) else [cfg.decode_head]
    for head in heads:
        head.update(BINARY | changes)
    init_default_scope('mmseg')
    return revert_sync_batchnorm(MODELS.build(cfg))


def batch(count: int = 1) -> tuple[torch.Tensor, list[SegDataSample]]:
    samples = []
    for _ in range(count):
        sample = SegDataSample(metainfo=dict(img_shape=(64, 64)))
        sample.gt_sem_seg = PixelData(data=torch.randint(2, (1, 64, 64)))
        samples.append(sample)
    return torch.rand(count, 3, 64, 64), samples


@torch.no_grad()
def halve(model: torch.nn.Module, x: torch.Tensor) -> None:
    """Shift the scores so that half of an image is foreground."""
    classifier = [m for n, m in model.named_modules() if n.endswith('conv_seg')][-1]
    threshold = torch.tensor(BINARY['threshold']).logit()
    classifier.bias += threshold - model._forward(x).median()


@pytest.mark.parametrize('name', TINY)
@pytest.mark.parametrize('changes', [dict(), dict(loss_decode=SIGMOID)], ids=str)
def test_a_binary_head_trains_and_applies_the_threshold(name, changes):
    model = build(name, **changes).train()
    losses = model.loss(*batch())  # one image: two objects are enough for OCR's norms
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(p.grad is not None for p in model.parameters())

    model.eval().test_cfg = ConfigDict(mode='whole')
    x = torch.rand(1, 3, 64, 96)
    halve(model, x)
    with torch.no_grad():
        (result,) = model.predict(x)
        score = model._forward(x)
    size, corners = x.shape[2:], model.align_corners
    score = F.interpolate(score, size, mode='bilinear', align_corners=corners)
    assert result.seg_logits.data.shape == result.pred_sem_seg.data.shape
    foreground = (score.sigmoid() > 0.45)[0].float()
    assert torch.equal(result.pred_sem_seg.data, foreground)
    assert len(foreground.unique()) == 2


@pytest.mark.parametrize('name', TINY)
def test_exported_models_have_a_score_for_both_classes(name):
    model = build(name).eval()
    x = torch.rand(1, 3, 64, 96) * 255
    answer = ExportedModel(model, 'segmentation').eval()
    halve(model, (x - answer.mean) / answer.std)
    with torch.no_grad():
        scores = answer(x)
        (result,) = model.predict((x - answer.mean) / answer.std)
    assert scores.shape == (1, 2, 64, 96)
    assert torch.equal(scores.argmax(1).float(), result.pred_sem_seg.data)
    assert len(result.pred_sem_seg.data.unique()) == 2


def test_cross_entropy_of_one_channel_is_binary():
    score, labels = torch.randn(2, 1, 5, 6), torch.randint(2, (2, 5, 6))
    labels[0, 0] = 255
    labelled = labels != 255
    expected = F.binary_cross_entropy_with_logits(
        score[:, 0][labelled], labels[labelled].float()
    )
    torch.testing.assert_close(CrossEntropyLoss()(score, labels), expected)
    both = torch.cat([torch.zeros_like(score), score], 1)
    hard = OhemCrossEntropyLoss(0.5, 10)
    assert hard(score, labels) == hard(both, labels)


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='mmseg.CrossEntropyLoss'),  # a softmax over one score
        dict(type='mmseg.TverskyLoss'),  # that has no gradient
        dict(type='mmseg.DiceLoss'),  # of the background
        [SIGMOID, dict(type='mmseg.OhemCrossEntropy')],
    ],
    ids=str,
)
def test_losses_that_cannot_train_a_binary_head_are_rejected(loss):
    with pytest.raises(ValueError, match=r"loss_decode.type='hrnet_mm.CrossEntropyLos"):
        build(TINY[0], loss_decode=loss)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match='num_classes=2 and out_channels=1'):
        build(TINY[0], num_classes=1)


def test_the_accuracy_uses_the_threshold():
    head = build(TINY[0]).decode_head
    _, samples = batch()
    labels = samples[0].gt_sem_seg.data
    right = torch.where(labels == 1, -0.1, -1.5)  # sigmoid: 0.48 and 0.18
    assert head.loss_by_feat(right[None], samples)['acc_seg'] == 100
    labels[:, :32] = 255
    wrong = torch.where(labels == 1, -1.5, -0.1)
    assert head.loss_by_feat(wrong[None], samples)['acc_seg'] == 0


def test_ocr_regions_of_a_binary_head_are_background_and_foreground():
    score = torch.full((1, 1, 2, 2), -40.0)
    score[..., 0, :] = 40.0  # the first row is foreground
    pixels = torch.rand(1, 3, 2, 2)
    assert soft_regions(score).shape == (1, 2, 2, 2)
    objects = gather_objects(pixels, score)[0, :, :, 0]
    torch.testing.assert_close(objects[:, 0], pixels[0, :, 1].mean(dim=-1))
    torch.testing.assert_close(objects[:, 1], pixels[0, :, 0].mean(dim=-1))


def test_tta_of_a_binary_head_applies_the_threshold():
    """What a model predicts is a probability already."""
    module = torch.nn.Module()
    module.out_channels, module.test_step = 1, None
    module.decode_head = SimpleNamespace(threshold=0.5)
    samples = []
    for probability in (0.7, 0.1):
        sample = SegDataSample(metainfo=dict(img_path='a.jpg'))
        sample.seg_logits = PixelData(data=torch.full((1, 2, 2), probability))
        samples.append(sample)
    (result,) = SegTTAModel(module=module).merge_preds([samples])
    assert not result.pred_sem_seg.data.any()
