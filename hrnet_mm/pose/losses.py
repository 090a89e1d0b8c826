"""Associative-embedding loss, as in the official code of HigherHRNet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class AssociativeEmbeddingLoss(nn.Module):
    """Loss that pulls the tags of an instance together and pushes instances apart.

    The ``exp`` loss of HigherHRNet-Human-Pose-Estimation, lib/core/loss.py: the mean
    over keypoints of an instance, over instances or pairs of an image, and over images
    of a batch. MMPose's loss of this name sums over the batch, and counts each instance
    as a pair with itself.

    Args:
        loss_weight: Weight of both losses; 0.001 in all published recipes.
        push_loss_factor: Weight of the push loss relative to the pull loss.
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
        """Return the pull and push losses, scalars; 0 without instances or pairs.

        Args:
            tags: (B, L * K, H, W); the channels of the first tag element come first.
            keypoint_indices: For each of B images (N, K, 2): ``y * W + x``, and whether
                the keypoint is labelled.
        """
        images = len(keypoint_indices)
        num_keypoints = keypoint_indices[0].shape[1]
        index, labelled = torch.cat([*keypoint_indices]).to(tags.device).unbind(-1)
        counts = [len(instances) for instances in keypoint_indices]
        image = torch.arange(images, device=tags.device)
        image = image.repeat_interleave(torch.tensor(counts, device=tags.device))

        labelled = labelled > 0
        valid = labelled.any(dim=1)  # instances without keypoints have no tag
        index, labelled, image = index[valid], labelled[valid], image[valid]
        maps = tags.float().view(images, -1, num_keypoints, tags[0, 0].numel())
        keypoint = torch.arange(num_keypoints, device=tags.device)
        found = maps[image[:, None], :, keypoint, index]  # (instances, K, L)
        share = labelled / labelled.sum(dim=1, keepdim=True)
        mean = (found * share[..., None]).sum(dim=1)

        instances = torch.bincount(image, minlength=images)
        distance = (found - mean[:, None]).square().mean(dim=2)
        pull = ((distance * share).sum(dim=1) / instances[image]).sum() / images

        pairs = image[:, None] == image
        pairs = pairs & ~torch.eye(len(image), dtype=torch.bool, device=tags.device)
        near = torch.exp(-(mean[:, None] - mean).square().sum(dim=2))
        number = (instances * (instances - 1)).clamp(min=1)[image]
        push = (near.where(pairs, 0).sum(dim=1) / number).sum() / images
        return self.loss_weight * pull, self.loss_weight * self.push_loss_factor * push
