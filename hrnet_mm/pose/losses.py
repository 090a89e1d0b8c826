"""Losses of the official code of HigherHRNet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class AssociativeEmbeddingLoss(nn.Module):
    """Tags of one person come together (pull), those of two people part (push).

    The ``exp`` loss of HigherHRNet-Human-Pose-Estimation, lib/core/loss.py: means over
    the joints of a person, the people or pairs of an image, and the images of a batch.
    mmpose's sums over the batch, and counts everybody as paired with themselves.

    Args:
        loss_weight: Of both among the losses of a model; 0.001 in all published
            recipes.
        push_loss_factor: Of push against pull.
    """

    def __init__(
        self, loss_weight: float = 0.001, push_loss_factor: float = 0.5
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.push_loss_factor = push_loss_factor

    def forward(
        self, tags: Tensor, keypoint_indices: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Pull and push, scalars; 0 where there is nobody, or nobody else.

        Args:
            tags: (B, L * K, H, W), the first of the L numbers of all joints first.
            keypoint_indices: (N, K, 2) for each of B images: ``y * W + x``, and whether
                the joint is labelled.
        """
        images = len(keypoint_indices)
        joints = keypoint_indices[0].shape[1]
        where, labelled = torch.cat([*keypoint_indices]).to(tags.device).unbind(-1)
        counts = [len(people) for people in keypoint_indices]
        image = torch.arange(images, device=tags.device)
        image = image.repeat_interleave(torch.tensor(counts, device=tags.device))

        labelled = labelled > 0
        anybody = labelled.any(dim=1)  # of people without a joint nothing is known
        where, labelled, image = where[anybody], labelled[anybody], image[anybody]
        maps = tags.float().view(images, -1, joints, tags[0, 0].numel())
        joint = torch.arange(joints, device=tags.device)
        found = maps[image[:, None], :, joint, where]  # (people, K, L)
        share = labelled / labelled.sum(dim=1, keepdim=True)
        mean = (found * share[..., None]).sum(dim=1)

        people = torch.bincount(image, minlength=images)
        apart = (found - mean[:, None]).square().mean(dim=2)
        pull = ((apart * share).sum(dim=1) / people[image]).sum() / images

        pairs = image[:, None] == image
        pairs = pairs & ~torch.eye(len(image), dtype=torch.bool, device=tags.device)
        near = torch.exp(-(mean[:, None] - mean).square().sum(dim=2))
        number = (people * (people - 1)).clamp(min=1)[image]
        push = (near.where(pairs, 0).sum(dim=1) / number).sum() / images
        return self.loss_weight * pull, self.loss_weight * self.push_loss_factor * push
