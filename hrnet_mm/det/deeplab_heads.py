"""Heads of Panoptic-DeepLab (Cheng et al., CVPR 2020), and their losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule, normal_init
from torch import Tensor

from hrnet_mm.registry import MODELS

from .deeplab_decoder import DeepLabDecoder, large_conv
from .panoptic import NO_LABEL

STRIDE = 4  # of the outputs


@MODELS.register_module()
class DeepLabSemanticHead(BaseModule):
    """The semantic branch of Panoptic-DeepLab: the class of each pixel.

    Args:
        in_channels: Channels of the four streams.
        num_classes: The number of classes, things and stuff.
        channels: Channels of the decoder and the head.
        norm_cfg: The norm of the convolutions.
        separable: Whether large convolutions are depthwise separable.
        hard_share: The share of pixels with the largest losses that are averaged.
        loss_weight: The weight of the loss.
        decoder: Other arguments of ``DeepLabDecoder``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        channels: int = 256,
        norm_cfg: dict[str, Any] | None = None,
        separable: bool = True,
        hard_share: float = 0.2,
        loss_weight: float = 1.0,
        **decoder: Any,
    ) -> None:
        super().__init__()
        self.hard_share, self.loss_weight = hard_share, loss_weight
        norm_cfg = norm_cfg or dict(type='BN')
        self.decoder = DeepLabDecoder(
            in_channels, channels, norm_cfg, separable, **decoder
        )
        self.head = large_conv(channels, channels, channels, norm_cfg, separable)
        self.predictor = _predictor(channels, num_classes)

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """Return the logits, (N, num_classes, H, W), in the size of the image."""
        return upsample(self.predictor(self.head(self.decoder(streams))))

    def loss(self, streams: Sequence[Tensor], truth: dict[str, Tensor]) -> dict:
        """Return the weighted cross entropy of the hardest pixels.

        Args:
            streams: The four streams.
            truth: ``sem_seg`` and ``weight`` of ``panoptic_targets``, (N, 1, H, W).
        """
        loss = hard_pixel_loss(self(streams), truth, self.hard_share)
        return dict(loss_semantic=self.loss_weight * loss)


@MODELS.register_module()
class DeepLabInstanceHead(BaseModule):
    """The instance branch of Panoptic-DeepLab: centres, and offsets to them.

    Args:
        in_channels: Channels of the four streams.
        channels: Channels of the decoder.
        head_channels: Channels before the two predictions.
        norm_cfg: The norm of the convolutions.
        separable: Whether large convolutions are depthwise separable. Those of the
            centres never are.
        centre_weight: The weight of the loss of the centres.
        offset_weight: The weight of the loss of the offsets.
        decoder: Other arguments of ``DeepLabDecoder``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 128,
        head_channels: int = 32,
        norm_cfg: dict[str, Any] | None = None,
        separable: bool = True,
        centre_weight: float = 200.0,
        offset_weight: float = 0.01,
        **decoder: Any,
    ) -> None:
        super().__init__()
        self.centre_weight, self.offset_weight = centre_weight, offset_weight
        norm_cfg = norm_cfg or dict(type='BN')
        self.decoder = DeepLabDecoder(
            in_channels, channels, norm_cfg, separable, **decoder
        )
        self.centre_head = large_conv(
            channels, channels, head_channels, norm_cfg, False
        )
        self.centre_predictor = _predictor(head_channels, 1)
        self.offset_head = large_conv(
            channels, channels, head_channels, norm_cfg, separable
        )
        self.offset_predictor = _predictor(head_channels, 2)

    def forward(self, streams: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return centre heatmaps, (N, 1, H, W), and offsets in pixels, (N, 2, H, W)."""
        x = self.decoder(streams)
        centre = self.centre_predictor(self.centre_head(x))
        offset = self.offset_predictor(self.offset_head(x))
        return upsample(centre), upsample(offset) * STRIDE

    def loss(self, streams: Sequence[Tensor], truth: dict[str, Tensor]) -> dict:
        """Return the losses of centres and offsets.

        The loss of the offsets is a mean over pixels of the sum of y and x, as in
        detectron2; the first code divides by two.

        Args:
            streams: The four streams.
            truth: The other targets of ``panoptic_targets``, (N, 1 or 2, H, W).
        """
        centre, offset = (it.float() for it in self(streams))
        squared = (centre - truth['centre']).square()
        distance = (offset - truth['offset']).abs()
        return dict(
            loss_centre=self.centre_weight * _mean(squared, truth['counts']),
            loss_offset=self.offset_weight * _mean(distance, truth['in_instance']),
        )


def _mean(losses: Tensor, weights: Tensor) -> Tensor:
    # 0 if no pixel counts
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def hard_pixel_loss(logits: Tensor, truth: dict[str, Tensor], share: float) -> Tensor:
    """Return the mean of the largest weighted losses of the pixels of a batch.

    Args:
        logits: (N, K, H, W).
        truth: ``sem_seg`` and ``weight`` of ``panoptic_targets``, (N, 1, H, W).
        share: The share of all pixels that is averaged; pixels without a label count
            as losses of 0.
    """
    losses = F.cross_entropy(
        logits.float(),
        truth['sem_seg'][:, 0],
        ignore_index=NO_LABEL,
        reduction='none',
    )
    losses = (losses * truth['weight'][:, 0]).flatten()
    return losses.topk(max(int(share * losses.numel()), 1)).values.mean()


def upsample(x: Tensor) -> Tensor:
    """Return a map at 1/4 in the size of the image."""
    return F.interpolate(x, scale_factor=STRIDE, mode='bilinear', align_corners=False)


def _predictor(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 1)
    normal_init(conv, std=0.001)
    return conv
