"""Cross-entropy losses as in the official code.

Those of MMSegmentation fail if class weights are combined with ignored pixels, and
divide by the number of all pixels, including ignored ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Cross entropy, averaged over labelled pixels.

    For a binary head (``out_channels=1``), this is the binary cross entropy.

    Args:
        class_weight: Weight of each class. The sum is divided by the total weight of
            the labelled pixels.
        loss_weight: Weight of this loss in the total loss.
        loss_name: Name of this loss in the log.
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
        """Return the loss, a scalar; 0 if no pixel is labelled.

        Args:
            logits: (N, K, H, W), or (N, 1, H, W) for a binary head.
            labels: (N, H, W), classes or ``ignore_index``.
            weight: Weights of a pixel sampler, which are not supported.
            ignore_index: Label of ignored pixels.

        Raises:
            ValueError: If the head has a pixel sampler.
        """
        if weight is not None:
            raise ValueError(
                f'{type(self).__name__} supports no pixel sampler: remove `sampler` '
                'from the head. To train on hard pixels, use '
                'hrnet_mm.OhemCrossEntropyLoss'
            )
        if logits.shape[1] == 1:
            # softmax over (0, x) equals sigmoid of x
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return self.loss_weight * self.mean(logits, labels, ignore_index)

    def mean(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """Return the mean loss over labelled pixels."""
        losses = self.per_pixel(logits, labels, ignore_index)
        labelled = labels != ignore_index
        if self.class_weight is None:
            return losses.sum() / labelled.sum().clamp(min=1)
        shares = self.class_weight[labels.where(labelled, 0)] * labelled
        return losses.sum() / shares.sum().clamp(min=torch.finfo(shares.dtype).tiny)

    def per_pixel(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """Return the loss of each pixel, (N, H, W); 0 for ignored pixels."""
        return F.cross_entropy(
            logits,
            labels,
            weight=self.class_weight,
            ignore_index=ignore_index,
            reduction='none',
        )


@MODELS.register_module()
class OhemCrossEntropyLoss(CrossEntropyLoss):
    """Cross entropy, averaged over hard pixels (online hard example mining).

    A pixel is hard if the predicted probability of its class is below ``thresh``. If
    fewer than ``min_kept`` pixels are, the ``min_kept`` hardest are used. Equal to the
    official code (HRNet-Semantic-Segmentation, lib/core/criterion.py); MMSegmentation
    multiplies ``min_kept`` by the batch size and averages over all pixels.

    Args:
        thresh: Probability below which a pixel is hard, 0.9 in the published recipes.
        min_kept: Minimum number of pixels in a batch on one GPU, 131,072 in the
            published recipes.
        class_weight: Weight of each class, which does not change the divisor.
        loss_weight: Weight of this loss in the total loss.
        loss_name: Name of this loss in the log.
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
        """Return the mean loss over hard pixels."""
        losses = self.per_pixel(logits, labels, ignore_index)
        hard = self.hard_mask(logits.detach(), labels, ignore_index)
        return losses[hard].sum() / hard.sum().clamp(min=1)

    def hard_mask(self, logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
        """Return a mask, (N, H, W), that is True for hard pixels."""
        labelled = labels != ignore_index
        classes = labels.where(labelled, 0).unsqueeze(1)
        probability = logits.float().softmax(dim=1).gather(1, classes).squeeze(1)
        candidates = probability[labelled]
        if not len(candidates):
            return labelled
        kept = min(self.min_kept, len(candidates) - 1)
        threshold = candidates.kthvalue(kept + 1).values.clamp(min=self.thresh)
        return labelled & (probability < threshold)
