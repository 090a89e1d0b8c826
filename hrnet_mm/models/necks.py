"""Necks that build a representation from the streams of C, 2C, 4C and 8C channels.

    V1   stream 0                                           C    pose
    V2   all streams, upsampled to 1/4 and concatenated     15C  segmentation, landmarks
    V2p  V2 at one width, average-pooled to a pyramid       256  detection
    C    streams widened, added up from high to low        2048  classification

Papers: https://arxiv.org/abs/1908.07919, section 3.2 and figure 4; for C
https://arxiv.org/abs/1904.04514.
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

from .checks import use_strict_pretrained
from .hrnet import INIT_CFG
from .layers import Config, Layers, make_branch, run_recomputed
from .precision import MixedPrecision, Precision


def _concat_streams(xs: Sequence[Tensor], align_corners: bool = False) -> Tensor:
    size = xs[0].shape[-2:]
    upsampled = [
        F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)
        for x in xs[1:]
    ]
    return torch.cat([xs[0], *upsampled], dim=1)


@MODELS.register_module()
class HRNetV1(BaseModule):
    """HRNetV1 representation: stream 0 alone; has no parameters.

    The heads of MMPose read the last feature map, which would be the stream at 1/32. If
    no other part of the model needs the other streams, build the trunk with
    ``multiscale_output=False`` instead: it then has no unused parameters.
    """

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Return stream 0, ``(N, C, H/4, W/4)``, as a tuple of one."""
        _check_streams(self, xs)
        return (xs[0],)


@MODELS.register_module()
class HRNetV2(BaseModule):
    """HRNetV2 representation: the concatenation of all streams; has no parameters.

    Args:
        align_corners: ``align_corners`` of the bilinear upsampling. Use the value of
            the trunk, the head and the loss of the same model.
    """

    def __init__(self, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Return the streams, upsampled to stream 0: ``(N, 15C, H/4, W/4)``."""
        _check_streams(self, xs)
        return (_concat_streams(xs, self.align_corners),)


@MODELS.register_module()
class HRNetV2p(MixedPrecision):
    """HRNetV2p representation: a feature pyramid with levels of one width.

    Concatenates the streams as HRNetV2 and applies a 1x1 convolution, average pooling
    by 2, 4 ..., and a 3x3 convolution for each level. The parameters are named as in
    HRFPN of MMDetection.

    Args:
        in_channels: Channels of each stream: ``out_channels`` of the trunk.
        out_channels: Channels of every level.
        num_outs: Number of levels; each is half as large as the one before.
        stride: Stride of the 3x3 convolutions. With 1 the pyramid starts at 1/4 of the
            image, with 2 at 1/8, as FCOS needs it.
        conv_cfg: mmcv config of every convolution.
        norm_cfg: mmcv config of a norm after every convolution. None, as in all
            published models, builds no norms.
        with_cp: Recompute the convolutions in the backward pass to save memory.
        precision: The dtype of training; see ``HRNet``.
        init_cfg: mmengine initialization.
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
        precision: Precision = 'float32',
        init_cfg: Config | list[Config] | None = dict(
            type='Caffe2Xavier', layer='Conv2d'
        ),
    ) -> None:
        super().__init__(use_strict_pretrained(init_cfg))
        self.in_channels = list(in_channels)
        self.with_cp = with_cp
        cfgs = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg, act_cfg=None)
        self.reduction_conv = ConvModule(sum(in_channels), out_channels, 1, **cfgs)
        self.fpn_convs = nn.ModuleList(
            ConvModule(out_channels, out_channels, 3, stride, padding=1, **cfgs)
            for _ in range(num_outs)
        )
        self.set_precision(precision)

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the levels of the pyramid, from high to low resolution.

        Args:
            xs: The streams, from high to low resolution.

        Returns:
            Level ``i`` is ``(N, out_channels, h, w)``. With ``stride=1``, its size is
            that of stream 0 divided by ``2**i``, rounded down, at least 1.

        Raises:
            ValueError: if the streams have other widths than ``in_channels``.
        """
        _check_streams(self, xs, self.in_channels)
        return self._in_precision(self._levels, xs)

    def _levels(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        x = self._convolve(self.reduction_conv, _concat_streams(xs))
        levels = [x, *(_shrink(x, 2**i) for i in range(1, len(self.fpn_convs)))]
        return tuple(
            self._convolve(conv, level)
            for conv, level in zip(self.fpn_convs, levels, strict=True)
        )

    def _convolve(self, conv: nn.Module, x: Tensor) -> Tensor:
        if self.with_cp and torch.is_grad_enabled():
            return run_recomputed(conv, conv, x)
        return conv(x)


def _shrink(x: Tensor, factor: int) -> Tensor:
    # small images: an axis with fewer than `factor` values is averaged to one
    height, width = x.shape[-2:]
    return F.avg_pool2d(x, (min(factor, height), min(factor, width)))


@MODELS.register_module()
class HRNetC(MixedPrecision):
    """Representation of HRNet-Wx-C, the ImageNet classifiers.

    A bottleneck widens each stream, to 128, 256, 512 and 1024 channels; strided
    convolutions carry the sum from 1/4 down to 1/32. The parameters are named as in
    HRFuseScales of MMPretrain.

    Args:
        in_channels: Channels of each stream: ``out_channels`` of the trunk.
        out_channels: Channels of the representation.
        bias: Whether convolutions before norms have a bias, as in the official code,
            whose files then load unchanged. MMPretrain's networks have none.
        conv_cfg: mmcv config of every convolution.
        norm_cfg: mmcv config of every norm.
        with_cp: Recompute the bottlenecks in the backward pass to save memory.
        precision: The dtype of training; see ``HRNet``.
        init_cfg: mmengine initialization; Kaiming by default, as in the official code.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 2048,
        *,
        bias: bool = False,
        conv_cfg: Config | None = None,
        norm_cfg: Config = dict(type='BN'),
        with_cp: bool = False,
        precision: Precision = 'float32',
        init_cfg: Config | list[Config] | None = INIT_CFG,
    ) -> None:
        super().__init__(use_strict_pretrained(init_cfg))
        self.in_channels = list(in_channels)
        cfgs = dict(bias=bias, conv_cfg=conv_cfg, norm_cfg=norm_cfg)
        layers = Layers(conv_cfg, norm_cfg, dict(mode='nearest'), with_cp)
        widths = [32 * 2**i for i in range(len(in_channels))]
        self.increase_layers = nn.ModuleList(
            make_branch('BOTTLENECK', channels, width, 1, layers)
            for channels, width in zip(in_channels, widths, strict=True)
        )
        self.downsample_layers = nn.ModuleList(
            ConvModule(4 * width, 8 * width, 3, stride=2, padding=1, **cfgs)
            for width in widths[:-1]
        )
        self.final_layer = ConvModule(4 * widths[-1], out_channels, 1, **cfgs)
        self.set_precision(precision)

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return a tuple of one: ``(N, out_channels, H/32, W/32)``.

        Args:
            xs: The streams, from high to low resolution.

        Raises:
            ValueError: if the streams have other widths than ``in_channels``.
        """
        _check_streams(self, xs, self.in_channels)
        return self._in_precision(self._widened, xs)

    def _widened(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        x, *others = (
            widen(x) for widen, x in zip(self.increase_layers, xs, strict=True)
        )
        for downsample, other in zip(self.downsample_layers, others, strict=True):
            x = downsample(x) + other
        return (self.final_layer(x),)


def _check_streams(
    neck: BaseModule, xs: Sequence[Tensor], channels: list[int] | None = None
) -> None:
    # a bare tensor must not pass: its first image would be taken for stream 0
    if not isinstance(xs, list | tuple) or not xs:
        got = f'a tensor of shape {tuple(xs.shape)}' if hasattr(xs, 'shape') else xs
        raise ValueError(
            f'{type(neck).__name__} takes the tuple of streams that HRNet returns; '
            f'it got {got}'
        )
    widths = [x.shape[1] for x in xs]
    if channels is not None and widths != channels:
        raise ValueError(
            f'{type(neck).__name__} was built for streams of in_channels={channels}, '
            f'it got {widths}: set in_channels to the out_channels of the trunk'
        )
