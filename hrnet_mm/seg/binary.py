"""Decode-head base class that checks its losses and supports binary heads.

A binary head has ``num_classes=2, out_channels=1``. Its output is the logit of class 1,
the foreground. A pixel is foreground if the sigmoid of its logit exceeds ``threshold``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss as BinaryOrSoftmax
from torch import Tensor, nn


class CheckedHead(BaseDecodeHead):
    """Base class of the heads, which checks that the losses can train the head.

    Raises:
        ValueError: If ``num_classes`` is 1, if ``class_weight`` of a loss does not have
            one weight for each class, or if a loss cannot train a binary head.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.num_classes == 1:
            raise ValueError(
                f'{type(self).__name__} has num_classes=1, but segmentation needs two '
                'classes or more. For foreground and background, set '
                'num_classes=2 and out_channels=1 in decode_head, and '
                "metainfo.classes=('background', 'NAME') of the data sets"
            )
        for loss in list_losses(self):
            _check_class_weight(self, loss)
            if self.out_channels == 1:
                _check_binary_loss(type(self).__name__, loss, self.ignore_index)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: Any) -> Any:
        """Compute the losses, and the accuracy at ``threshold`` of a binary head.

        MMSegmentation takes the argmax over channels, always 0 for one channel.
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
            correct = (scores.sigmoid() > self.threshold) == labels
            labelled = labels != self.ignore_index
            share = (correct & labelled).sum() / labelled.sum().clamp(min=1)
            losses['acc_seg'] = 100 * share[None]
        return losses


def list_losses(head: BaseDecodeHead) -> list[nn.Module]:
    """Return the losses of a head, which has one or several."""
    losses = head.loss_decode
    return [*losses] if isinstance(losses, nn.ModuleList) else [losses]


def _check_class_weight(head: BaseDecodeHead, loss: nn.Module) -> None:
    # torch's own error names neither the head nor the number of classes
    given = getattr(loss, 'class_weight', None)
    if given is None:
        return
    name = type(head).__name__
    if isinstance(loss, BinaryOrSoftmax) and loss.use_sigmoid:
        if len(given) > 1:
            raise ValueError(
                f'{name} has loss_decode=mmseg.{type(loss).__name__} with use_sigmoid='
                f'True and {len(given)} values in class_weight, which this loss would '
                'apply to image columns instead of classes. Set '
                "loss_decode.type='hrnet_mm.CrossEntropyLoss' without use_sigmoid"
            )
    elif len(given) != head.num_classes:
        raise ValueError(
            f'{name} has num_classes={head.num_classes}, but loss_decode.class_weight '
            f'of {type(loss).__name__} has {len(given)} values: give one weight for '
            'each class, in the order of the classes'
        )


def _check_binary_loss(head: str, loss: nn.Module, ignore_index: int | None) -> None:
    # A loss can train a binary head if its gradient lowers the logit of background and
    # raises that of foreground. A softmax over one channel is always 1, so some losses
    # fail at label 1 and others have no gradient. mmseg's DiceLoss takes the channel
    # for the background.
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
            f'{head} has out_channels=1, but loss_decode={type(loss).__name__} cannot '
            'train a head with one output channel. Set '
            "loss_decode.type='hrnet_mm.CrossEntropyLoss', or mmseg.CrossEntropyLoss "
            'with use_sigmoid=True; or remove out_channels to train one channel for '
            'each class'
        )
