"""Decoders and heads of Panoptic-DeepLab (Cheng et al., CVPR 2020).

The layers are those of detectron2's ``projects/Panoptic-DeepLab``, with which the
figures of HRNet were published (bowenc0221/panoptic-deeplab, ``tools_d2``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule, caffe2_xavier_init, normal_init
from torch import Tensor

from hrnet_mm.registry import MODELS

from .panoptic import NO_LABEL

STRIDE = 4  # of the outputs
PROJECTED = (32, 64, 128)  # channels that the streams at 1/4, 1/8 and 1/16 add


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (DeepLabV3, section 3.3).

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output and of each branch.
        norm_cfg: The norm of all convolutions but the one after pooling.
        separable: Whether the 3x3 convolutions are depthwise separable.
        dilations: Their dilations.
        pool_size: Height and width of the pooled window, in pixels of the input; None
            for the whole input.
        dropout: The probability of dropout after the last convolution.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        norm_cfg: dict[str, Any],
        separable: bool,
        dilations: Sequence[int],
        pool_size: Sequence[int] | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.pool_size = pool_size and tuple(pool_size)
        convs = [_conv(in_channels, channels, 1, norm_cfg)]
        for dilation in dilations:
            kind = _separable if separable else _conv
            convs.append(kind(in_channels, channels, 3, norm_cfg, dilation))
        self.convs = nn.ModuleList(convs)
        self.pooled = _conv(in_channels, channels, 1, None)
        self.project = _conv((len(convs) + 1) * channels, channels, 1, norm_cfg)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, channels, H, W) of (N, in_channels, H, W)."""
        size = x.shape[-2:]
        if self.pool_size is None:
            mean = x.mean(dim=(2, 3), keepdim=True)
        else:
            window = [min(pair) for pair in zip(self.pool_size, size, strict=True)]
            mean = F.avg_pool2d(x, window, stride=1)
        parts = [conv(x) for conv in self.convs] + [
            F.interpolate(self.pooled(mean), size, mode='bilinear', align_corners=False)
        ]
        return self.dropout(self.project(torch.cat(parts, dim=1)))


class DeepLabDecoder(nn.Module):
    """ASPP on the smallest stream, then three steps to 1/4 that add a larger one each.

    Args:
        in_channels: Channels of the streams at 1/4, 1/8, 1/16 and 1/32.
        channels: Channels of the output.
        norm_cfg: The norm of the convolutions.
        separable: Whether large convolutions are depthwise separable: one of 5x5
            instead of two of 3x3.
        dilations: The dilations of ASPP.
        pool_size: The window that ASPP pools, in pixels of the stream at 1/32.
        dropout: The probability of dropout in ASPP.
        aspp_channels: Channels of ASPP.
        projected: Channels that the streams at 1/4, 1/8 and 1/16 add.

    Raises:
        ValueError: If there are not four streams.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        norm_cfg: dict[str, Any],
        separable: bool = True,
        dilations: Sequence[int] = (3, 6, 9),
        pool_size: Sequence[int] | None = None,
        dropout: float = 0.1,
        aspp_channels: int = 256,
        projected: Sequence[int] = PROJECTED,
    ) -> None:
        super().__init__()
        if len(in_channels) != len(projected) + 1:
            raise ValueError(
                f'in_channels={list(in_channels)} must have {len(projected) + 1} '
                'numbers: the channels of the streams at 1/4, 1/8, 1/16 and 1/32'
            )
        *larger, smallest = in_channels
        self.aspp = ASPP(
            smallest, aspp_channels, norm_cfg, separable, dilations, pool_size, dropout
        )
        self.projections = nn.ModuleList(
            _conv(it, out, 1, norm_cfg)
            for it, out in zip(larger, projected, strict=True)
        )
        below = [channels] * (len(projected) - 1) + [aspp_channels]
        self.fusions = nn.ModuleList(
            _block(out + under, channels, channels, norm_cfg, separable)
            for out, under in zip(projected, below, strict=True)
        )

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """Return (N, channels, H/4, W/4) of the four streams."""
        *larger, smallest = streams
        x = self.aspp(smallest)
        steps = zip(larger, self.projections, self.fusions, strict=True)
        for stream, projection, fusion in reversed([*steps]):
            added = projection(stream)
            size = added.shape[-2:]
            x = F.interpolate(x, size, mode='bilinear', align_corners=False)
            x = fusion(torch.cat([added, x], dim=1))
        return x


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
        self.head = _block(channels, channels, channels, norm_cfg, separable)
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
        self.centre_head = _block(channels, channels, head_channels, norm_cfg, False)
        self.centre_predictor = _predictor(head_channels, 1)
        self.offset_head = _block(
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


def _conv(
    in_channels: int,
    out_channels: int,
    kernel: int,
    norm_cfg: dict[str, Any] | None,
    dilation: int = 1,
) -> ConvModule:
    conv = ConvModule(
        in_channels,
        out_channels,
        kernel,
        padding=kernel // 2 * dilation,
        dilation=dilation,
        norm_cfg=norm_cfg,
    )
    caffe2_xavier_init(conv.conv)
    return conv


def _separable(
    in_channels: int,
    out_channels: int,
    kernel: int,
    norm_cfg: dict[str, Any],
    dilation: int = 1,
) -> DepthwiseSeparableConvModule:
    return DepthwiseSeparableConvModule(
        in_channels,
        out_channels,
        kernel,
        padding=kernel // 2 * dilation,
        dilation=dilation,
        norm_cfg=norm_cfg,
    )


def _block(
    in_channels: int,
    channels: int,
    out_channels: int,
    norm_cfg: dict[str, Any],
    separable: bool,
) -> nn.Module:
    if separable:
        return _separable(in_channels, out_channels, 5, norm_cfg)
    return nn.Sequential(
        _conv(in_channels, channels, 3, norm_cfg),
        _conv(channels, out_channels, 3, norm_cfg),
    )


def _predictor(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 1)
    normal_init(conv, std=0.001)
    return conv
