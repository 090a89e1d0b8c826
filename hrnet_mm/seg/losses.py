"""The losses of the official code.

mmsegmentation's fail where class weights meet ignored pixels, and average over pixels
that nobody labelled.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Cross entropy, the mean over labelled pixels, weighted by class.

    Of a softmax over the classes; of a sigmoid for a binary head (``out_channels=1``).

    Args:
        class_weight: One for each class; the mean is divided by those of its pixels.
        loss_weight: Of this loss among those of a model.
        loss_name: In the log.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        class_weight: Sequence[float] | None = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__()
        weight = None if class_weight is None else torch.tensor(class_weight)
        self.register_buffer('class_weight', weight, persistent=False)
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        logits: Tensor,
        labels: Tensor,
        weight: None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """The loss, a scalar; 0 if no pixel is labelled.

        Args:
            logits: (N, K, H, W); or (N, 1, H, W) of a binary head.
            labels: (N, H, W), classes or ``ignore_index``.
            weight: What a pixel sampler of mmsegmentation gives.
            ignore_index: The label of pixels that do not count.

        Raises:
            ValueError: if there is a pixel sampler.
        """
        if weight is not None:
            raise ValueError(
                f'{type(self).__name__} takes no pixel sampler; remove `sampler` from '
                'the head, and for hard pixels use hrnet_mm.OhemCrossEntropyLoss'
            )
        if logits.shape[1] == 1:
            # the softmax of 0 and x is the sigmoid of x
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return self.loss_weight * self.mean(logits, labels, ignore_index)

    def mean(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """Over all labelled pixels."""
        losses = self.per_pixel(logits, labels, ignore_index)
        labelled = labels != ignore_index
        if self.class_weight is None:
            return losses.sum() / labelled.sum().clamp(min=1)
        shares = self.class_weight[labels.where(labelled, 0)] * labelled
        return losses.sum() / shares.sum().clamp(min=torch.finfo(shares.dtype).tiny)

    def per_pixel(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """(N, H, W); 0 where a pixel is not labelled."""
        return F.cross_entropy(
            logits,
            labels,
            weight=self.class_weight,
            ignore_index=ignore_index,
            reduction='none',
        )


@MODELS.register_module()
class OhemCrossEntropyLoss(CrossEntropyLoss):
    """Cross entropy, the mean over hard pixels (online hard example mining).

    A pixel is hard if the probability of its class is below ``thresh``; or, where fewer
    than ``min_kept`` are, if it is among the ``min_kept`` hardest. Equal to the
    official code (HRNet-Semantic-Segmentation, lib/core/criterion.py), where
    mmsegmentation scales the number with the batch and averages over all pixels.

    Args:
        thresh: Probability of the true class, 0.9 in the published recipes.
        min_kept: Of one batch on one GPU, 131,072 in the published recipes.
        class_weight: One for each class; scales the losses, not their number.
        loss_weight: Of this loss among those of a model.
        loss_name: In the log.
    """

    def __init__(
        self,
        thresh: float = 0.9,
        min_kept: int = 131_072,
        class_weight: Sequence[float] | None = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ohem',
    ) -> None:
        super().__init__(class_weight, loss_weight, loss_name)
        self.thresh = thresh
        self.min_kept = min_kept

    def mean(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """Over the hard pixels."""
        losses = self.per_pixel(logits, labels, ignore_index)
        hard = self.hard(logits.detach(), labels, ignore_index)
        return losses[hard].sum() / hard.sum().clamp(min=1)

    def hard(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """(N, H, W), true where a pixel is hard."""
        labelled = labels != ignore_index
        classes = labels.where(labelled, 0).unsqueeze(1)
        sure = logits.float().softmax(dim=1).gather(1, classes).squeeze(1)
        ordered = sure[labelled]
        if not len(ordered):
            return labelled
        kept = min(self.min_kept, len(ordered) - 1)
        threshold = ordered.kthvalue(kept + 1).values.clamp(min=self.thresh)
        return labelled & (sure < threshold)
