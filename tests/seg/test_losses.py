"""Losses equal their definitions in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from hrnet_mm.seg import CrossEntropyLoss, OhemCrossEntropyLoss

CLASSES, IGNORED = 5, 255
WEIGHTS = [0.5, 1.0, 1.5, 2.0, 0.25]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels, a third of them ignored."""
    generator = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(2, CLASSES, 7, 9, generator=generator)
    labels = torch.randint(CLASSES, (2, 7, 9), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = IGNORED
    return logits, labels


def pixels(logits, labels, weights=None):
    """Losses, probabilities of the true class and weights of all labelled pixels."""
    logits = logits.double().numpy().transpose(0, 2, 3, 1)
    labels = labels.numpy()
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities = exp / exp.sum(axis=-1, keepdims=True)
    labelled = labels != IGNORED
    truth = labels[labelled]
    sure = probabilities[labelled][np.arange(len(truth)), truth]
    weight = np.array(weights)[truth] if weights else np.ones(len(truth))
    return -np.log(sure) * weight, sure, weight


@pytest.mark.parametrize('weights', [None, WEIGHTS])
def test_cross_entropy_is_the_mean_over_labelled_pixels(batch, weights):
    losses, _, weight = pixels(*batch, weights)
    ours = CrossEntropyLoss(class_weight=weights, loss_weight=0.4)(*batch)
    assert ours.item() == pytest.approx(0.4 * losses.sum() / weight.sum(), rel=1e-5)


@pytest.mark.parametrize('weights', [None, WEIGHTS])
@pytest.mark.parametrize(
    ('thresh', 'min_kept'),
    [(0.7, 5), (0.1, 20), (0.0, 0), (0.9, 100_000)],
    ids=['by threshold', 'by number', 'the hardest', 'more than there are'],
)
def test_ohem_is_the_mean_over_hard_pixels(batch, thresh, min_kept, weights):
    losses, sure, _ = pixels(*batch, weights)
    least = np.sort(sure)[min(min_kept, len(sure) - 1)]
    hard = sure < max(least, thresh)
    expected = losses[hard].mean() if hard.any() else 0
    ours = OhemCrossEntropyLoss(thresh, min_kept, class_weight=weights)(*batch)
    assert ours.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('loss', [CrossEntropyLoss(WEIGHTS), OhemCrossEntropyLoss()])
def test_without_labelled_pixels_loss_and_gradients_are_zero(batch, loss):
    logits, labels = batch
    logits.requires_grad_()
    value = loss(logits, torch.full_like(labels, IGNORED))
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()


def test_ignored_pixels_get_no_gradient(batch):
    logits, labels = batch
    logits.requires_grad_()
    OhemCrossEntropyLoss(0.9, 10)(logits, labels).backward()
    ignored = (labels == IGNORED).unsqueeze(1).expand_as(logits)
    assert not logits.grad[ignored].any()
    assert logits.grad.any()


def test_class_weights_are_no_part_of_a_checkpoint():
    assert not CrossEntropyLoss(WEIGHTS).state_dict()


def test_a_pixel_sampler_is_refused(batch):
    with pytest.raises(ValueError, match=r'no pixel sampler.*OhemCrossEntropyLoss'):
        CrossEntropyLoss()(*batch, weight=torch.ones(2, 7, 9))
