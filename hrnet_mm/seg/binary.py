"""What heads and losses must agree on; two classes from one score.

With ``num_classes=2, out_channels=1`` the score is the logit of class 1, the
foreground. A pixel is foreground if the sigmoid of its score is above ``threshold``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss as BinaryOrSoftmax
from torch import Tensor, nn


class CheckedHead(BaseDecodeHead):
    """Head of mmsegmentation that refuses what cannot train a binary head.

    Raises:
        ValueError: if ``num_classes`` is 1, ``class_weight`` of a loss in
            ``loss_decode`` is not one for each class, or a loss does not raise the
            score of the foreground and lower that of the background.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.num_classes == 1:
            raise ValueError(
                f'{type(self).__name__} has num_classes=1: with one class there is '
                'nothing to tell apart. For a foreground on a background set '
                'num_classes=2 and out_channels=1 in decode_head, and '
                "metainfo.classes=('background', 'NAME') of the data sets"
            )
        for loss in list_losses(self):
            check_class_weight(self, loss)
            if self.out_channels == 1:
                check_binary_loss(type(self).__name__, loss, self.ignore_index)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: Any) -> Any:
        """The losses, and the accuracy at ``threshold``.

        mmsegmentation takes the largest of all scores, of one score always the first.
        """
        losses = super().loss_by_feat(seg_logits, batch_data_samples)
        if self.out_channels == 1:
            labels = self._stack_batch_gt(batch_data_samples)
            scores = F.interpolate(
                seg_logits.detach(),
                labels.shape[2:],
                mode='bilinear',
                align_corners=self.align_corners,
            )
            right = (scores.sigmoid() > self.threshold) == labels
            labelled = labels != self.ignore_index
            share = (right & labelled).sum() / labelled.sum().clamp(min=1)
            losses['acc_seg'] = 100 * share[None]
        return losses


def list_losses(head: BaseDecodeHead) -> list[nn.Module]:
    """``loss_decode`` is one loss or a list of them."""
    losses = head.loss_decode
    return [*losses] if isinstance(losses, nn.ModuleList) else [losses]


def check_class_weight(head: BaseDecodeHead, loss: nn.Module) -> None:
    """Refuse weights that are not one for each class; torch gives no numbers."""
    given = getattr(loss, 'class_weight', None)
    if given is None:
        return
    name = type(head).__name__
    if isinstance(loss, BinaryOrSoftmax) and loss.use_sigmoid:
        if len(given) > 1:
            raise ValueError(
                f'{name} has loss_decode=mmseg.{type(loss).__name__} with use_sigmoid='
                f'True and class_weight of {len(given)}, which it would lay over the '
                "columns of the image. Set loss_decode.type='hrnet_mm.CrossEntropyLoss'"
                ', without use_sigmoid'
            )
    elif len(given) != head.num_classes:
        raise ValueError(
            f'{name} has num_classes={head.num_classes}, and loss_decode.class_weight '
            f'of {type(loss).__name__} has {len(given)}: write one weight for each '
            'class, in their order'
        )


def check_binary_loss(head: str, loss: nn.Module, ignore_index: int | None) -> None:
    """Refuse a loss that does not train one score, by a look at its gradient.

    A softmax over one score is always 1: some losses then stop at label 1, others have
    no gradient. ``DiceLoss`` of mmsegmentation takes the score for the background.
    """
    labels = torch.arange(2).repeat(1, 2, 1)
    score = torch.zeros(1, 1, 2, 2, requires_grad=True)
    try:
        with torch.enable_grad():
            value = loss(score, labels, ignore_index=ignore_index)
        (gradient,) = torch.autograd.grad(value, score)
        background, foreground = gradient[..., 0], gradient[..., 1]
        trains = bool((background > 0).all() and (foreground < 0).all())
    except Exception:
        trains = False
    if not trains:
        raise ValueError(
            f'{head} has out_channels=1, one score for each pixel, and '
            f'loss_decode={type(loss).__name__} cannot train that. Set '
            "loss_decode.type='hrnet_mm.CrossEntropyLoss', or mmseg.CrossEntropyLoss "
            'with use_sigmoid=True; or leave out_channels away and train one score for '
            'each class'
        )
