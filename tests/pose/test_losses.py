"""The associative-embedding loss equals a plain version of the official one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip('mmpose')

from hrnet_mm.pose import AssociativeEmbeddingLoss

Image = list[list[tuple[int, int]]]


def by_hand(tags: Tensor, images: list[Image]) -> tuple[Tensor, Tensor]:
    """lib/core/loss.py of HigherHRNet: pull and push, means over images."""
    pulls, pushes = [], []
    for number, people in enumerate(images):
        means, pull = [], torch.zeros(())
        for person in people:
            found = [
                tags[number, k::KEYPOINTS].flatten(1)[:, where]
                for k, (where, labelled) in enumerate(person)
                if labelled
            ]
            if not found:
                continue
            mean = torch.stack(found).mean(0)
            pull = pull + torch.stack([(f - mean) ** 2 for f in found]).mean()
            means.append(mean)
        push = torch.zeros(())
        for i, a in enumerate(means):
            for j, b in enumerate(means):
                if i != j:
                    push = push + torch.exp(-((a - b) ** 2).sum())
        count = len(means)
        pulls.append(pull / max(count, 1))
        pushes.append(0.5 * push / max(count * (count - 1), 1))
    return torch.stack(pulls).mean(), torch.stack(pushes).mean()


KEYPOINTS = 5


def draw(people: list[int], hidden: float, length: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    tags = torch.randn(
        len(people), length * KEYPOINTS, 6, 7, generator=generator, dtype=torch.double
    )
    images = [
        torch.stack(
            [
                torch.randint(42, (count, KEYPOINTS), generator=generator),
                torch.rand(count, KEYPOINTS, generator=generator) >= hidden,
            ],
            dim=-1,
        )
        for count in people
    ]
    return tags.float().requires_grad_(), images


CASES = {
    'nobody': ([0, 0], 0),
    'one person': ([1], 0.3),
    'one and nobody': ([1, 0], 0.3),
    'many': ([3, 7], 0.3),
    'nobody in between': ([2, 0, 5], 0.5),
    'hardly any joint': ([6, 4], 0.95),
    'no joint': ([3], 1),
    'a crowd': ([200], 0.3),
}


@pytest.mark.parametrize('length', [1, 3])
@pytest.mark.parametrize('name', CASES)
def test_loss_and_gradient_are_the_official_ones(name, length):
    tags, images = draw(*CASES[name], length, seed=len(name))
    got = AssociativeEmbeddingLoss(loss_weight=1)(tags, images)
    wanted = by_hand(tags, [image.tolist() for image in images])
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    gradient = torch.autograd.grad(sum(got), tags)[0]
    if name in ('nobody', 'no joint'):
        assert not gradient.any()
        return
    expected = torch.autograd.grad(sum(wanted), tags)[0]
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_loss_weights():
    tags, images = draw([3], 0.3, 1, seed=0)
    pull, push = AssociativeEmbeddingLoss(loss_weight=1)(tags, images)
    weighted = AssociativeEmbeddingLoss(loss_weight=2, push_loss_factor=1.5)
    torch.testing.assert_close(weighted(tags, images), (2 * pull, 6 * push))
