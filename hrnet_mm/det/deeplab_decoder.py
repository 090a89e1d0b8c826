"""The decoder of Panoptic-DeepLab (Cheng et al., CVPR 2020).

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
from mmengine.model import caffe2_xavier_init
from torch import Tensor

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
            large_conv(out + under, channels, channels, norm_cfg, separable)
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


def large_conv(
    in_channels: int,
    channels: int,
    out_channels: int,
    norm_cfg: dict[str, Any],
    separable: bool,
) -> nn.Module:
    """Return one separable convolution of 5x5, or two plain ones of 3x3.

    Args:
        in_channels: Channels of the input.
        channels: Channels between the two.
        out_channels: Channels of the output.
        norm_cfg: The norm of the convolutions.
        separable: Whether the convolution is depthwise separable.
    """
    if separable:
        return _separable(in_channels, out_channels, 5, norm_cfg)
    return nn.Sequential(
        _conv(in_channels, channels, 3, norm_cfg),
        _conv(channels, out_channels, 3, norm_cfg),
    )


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
