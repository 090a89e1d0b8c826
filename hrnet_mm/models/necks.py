"""The representations read off the streams, which have C, 2C, 4C and 8C channels.

    V1   stream 0                                           C    pose
    V2   all streams, upsampled to 1/4 and concatenated     15C  segmentation, landmarks
    V2p  V2 at one width, average-pooled to a pyramid       256  detection

Paper: https://arxiv.org/abs/1908.07919, section 3.2 and figure 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor

from hrnet_mm.registry import MODELS

from .layers import Config, recomputed


def concat_streams(xs: Sequence[Tensor], align_corners: bool = False) -> Tensor:
    """(N, C, H, W), (N, 2C, H/2, W/2), ... -> (N, 15C, H, W)."""
    size = xs[0].shape[-2:]
    upsampled = [
        F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)
        for x in xs[1:]
    ]
    return torch.cat([xs[0], *upsampled], dim=1)


@MODELS.register_module()
class HRNetV1(BaseModule):
    """HRNetV1 representation; parameter-free.

    Stream 0 as a tuple of one: the heads of MMPose read the last entry of what they are
    given, which of four streams would be the one at 1/32. A trunk that serves nothing
    else is better built with ``multiscale_output=False``: it has no unused parameters.
    """

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Streams, high to low resolution -> (N, C, H/4, W/4)."""
        check_streams(self, xs)
        return (xs[0],)


@MODELS.register_module()
class HRNetV2(BaseModule):
    """HRNetV2 representation; parameter-free.

    Args:
        align_corners: Of the bilinear upsampling; the one that trunk, head and loss of
            the same model use.
    """

    def __init__(self, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Streams, high to low resolution -> (N, 15C, H/4, W/4)."""
        check_streams(self, xs)
        return (concat_streams(xs, self.align_corners),)


@MODELS.register_module()
class HRNetV2p(BaseModule):
    """HRNetV2p representation: a pyramid of levels of one width.

    HRNetV2, a 1x1 convolution, average pooling by 1, 2, 4 ..., and a 3x3 convolution
    for each level. The parameters are named as in HRFPN of MMDetection.

    Args:
        in_channels: Widths of the streams: ``out_channels`` of the trunk.
        out_channels: Width of every level.
        num_outs: Number of levels; each is half as large as the one before.
        stride: Of the 3x3 convolutions. 1 begins the pyramid at 1/4 of the image, 2 at
            1/8, as FCOS wants it.
        conv_cfg: mmcv config of every convolution.
        norm_cfg: mmcv config of a norm after every convolution; None for none, as all
            published models.
        with_cp: Recompute the convolutions in backward to save memory.
        init_cfg: mmengine initialisation.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        num_outs: int = 5,
        *,
        stride: int = 1,
        conv_cfg: Config | None = None,
        norm_cfg: Config | None = None,
        with_cp: bool = False,
        init_cfg: Config | list[Config] | None = dict(
            type='Caffe2Xavier', layer='Conv2d'
        ),
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = list(in_channels)
        self.with_cp = with_cp
        cfgs = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg, act_cfg=None)
        self.reduction_conv = ConvModule(sum(in_channels), out_channels, 1, **cfgs)
        self.fpn_convs = nn.ModuleList(
            ConvModule(out_channels, out_channels, 3, stride, padding=1, **cfgs)
            for _ in range(num_outs)
        )

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """From streams to levels, both high to low resolution.

        Returns:
            Level ``i``: ``(N, out_channels, h, w)``; without ``stride``, the size of
            stream 0 divided by ``2**i``, rounded down, at least 1.

        Raises:
            ValueError: if the streams have other widths than ``in_channels``.
        """
        check_streams(self, xs)
        widths = [x.shape[1] for x in xs]
        if widths != self.in_channels:
            raise ValueError(
                f'HRNetV2p was built for streams of in_channels={self.in_channels}, '
                f'it got {widths}: set in_channels to the out_channels of the trunk'
            )
        x = self._convolve(self.reduction_conv, concat_streams(xs))
        levels = (shrink(x, 2**i) for i in range(len(self.fpn_convs)))
        return tuple(
            self._convolve(conv, level)
            for conv, level in zip(self.fpn_convs, levels, strict=True)
        )

    def _convolve(self, conv: nn.Module, x: Tensor) -> Tensor:
        if self.with_cp and torch.is_grad_enabled():
            return recomputed(conv, conv, x)
        return conv(x)


def shrink(x: Tensor, factor: int) -> Tensor:
    """The mean of ``factor`` x ``factor`` places; of all, where there are fewer."""
    height, width = x.shape[-2:]
    return F.avg_pool2d(x, (min(factor, height), min(factor, width)))


def check_streams(neck: BaseModule, xs: Sequence[Tensor]) -> None:
    """Refuse what no trunk returns; a bare tensor would be read as its first image."""
    if not isinstance(xs, list | tuple) or not xs:
        got = f'a tensor of shape {tuple(xs.shape)}' if hasattr(xs, 'shape') else xs
        raise ValueError(
            f'{type(neck).__name__} takes the tuple of streams that HRNet returns; '
            f'it got {got}'
        )
