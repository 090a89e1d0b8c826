"""Heads on the HRNetV2 representation, under the parameter names of mmsegmentation.

``HRNetV2Head``  1x1 convolution and classifier; also the first look of OCR
``OCRHead``      object-contextual representations, https://arxiv.org/abs/1909.11065

mmsegmentation's ``FCNHead`` (as its HRNet configs set it) and ``OCRHead`` have the same
state dicts and, by the defaults here, the same outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from hrnet_mm.registry import MODELS

from .binary import CheckedHead


@MODELS.register_module()
class HRNetV2Head(CheckedHead):
    """1x1 convolution, norm, ReLU, 1x1 classifier (paper, section 4.2).

    Args:
        in_channels: Channels of the representation, 15C; also those of the convolution.
        bias: Whether the convolution has a bias, as in the official code. The default,
            mmcv's, is none before a norm, as in the checkpoints of mmsegmentation.
        dropout_ratio: Of whole channels, before the classifier.
        kwargs: As for the heads of mmsegmentation: ``num_classes``, ``norm_cfg``,
            ``align_corners``, ``loss_decode`` ...; see ``CheckedHead`` for
            ``out_channels=1``.

    Raises:
        ValueError: if there is one class, or ``loss_decode`` cannot train one score.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        *,
        bias: bool | str = 'auto',
        dropout_ratio: float = 0.0,
        **kwargs: Any,
    ) -> None:
        channels = in_channels if isinstance(in_channels, int) else sum(in_channels)
        super().__init__(in_channels, channels, dropout_ratio=dropout_ratio, **kwargs)
        self.convs = nn.Sequential(conv_factory(self)(channels, channels, 1, bias=bias))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """(N, 15C, H, W) as a tuple of one -> (N, K, H, W)."""
        return self.cls_seg(self.convs(self._transform_inputs(inputs)))


@MODELS.register_module()
class OCRHead(CheckedHead, BaseCascadeDecodeHead):
    """Object-contextual representations: each pixel asks the objects what it is.

    The logits of the head before it say softly which pixels make up each class. The
    mean of those pixels represents the class, and every pixel attends to the classes.

    Args:
        in_channels: Channels of the representation, 15C.
        channels: Channels of the pixel representation (512 in the paper).
        ocr_channels: Channels of queries, keys and values (256 in the paper).
        scale: Pixels are max-pooled by it before they attend, and their context is
            upsampled again; the official code has it, no published model uses it.
        bias: Whether the 3x3 convolution has a bias; see ``HRNetV2Head``.
        dropout_ratio: Of whole channels, before the classifier; 0.05 in the official
            code. mmsegmentation trains without; it changes no state dict.
        kwargs: As for the heads of mmsegmentation; see ``CheckedHead`` for
            ``out_channels=1``.

    Raises:
        ValueError: if there is one class, or ``loss_decode`` cannot train one score.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        channels: int = 512,
        *,
        ocr_channels: int = 256,
        scale: int = 1,
        bias: bool | str = 'auto',
        dropout_ratio: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, channels, dropout_ratio=dropout_ratio, **kwargs)
        conv = conv_factory(self)
        self.object_context_block = ObjectAttention(
            channels, ocr_channels, scale, self.align_corners, conv
        )
        self.bottleneck = conv(self.in_channels, channels, 3, padding=1, bias=bias)

    def forward(self, inputs: Sequence[Tensor], prev_output: Tensor) -> Tensor:
        """(N, 15C, H, W) as a tuple of one, logits (N, K, H, W) -> (N, K, H, W)."""
        pixels = self.bottleneck(self._transform_inputs(inputs))
        objects = gather_objects(pixels, prev_output)
        return self.cls_seg(self.object_context_block(pixels, objects))


class ObjectAttention(nn.Module):
    """Pixels attend to objects (paper, equations 4 and 5)."""

    def __init__(
        self,
        channels: int,
        inner: int,
        scale: int,
        align_corners: bool,
        conv: Callable[..., ConvModule],
    ) -> None:
        super().__init__()
        self.scale = scale
        self.align_corners = align_corners
        self.key_project = two(conv, channels, inner)
        self.query_project = two(conv, channels, inner)
        self.value_project = conv(channels, inner, 1)
        self.out_project = conv(inner, channels, 1)
        self.bottleneck = conv(2 * channels, channels, 1)

    def forward(self, pixels: Tensor, objects: Tensor) -> Tensor:
        """(N, C, H, W), (N, C, K, 1) -> (N, C, H, W)."""
        asking = F.max_pool2d(pixels, self.scale) if self.scale > 1 else pixels
        query = self.query_project(asking)
        context = F.scaled_dot_product_attention(
            as_sequence(query),
            as_sequence(self.key_project(objects)),
            as_sequence(self.value_project(objects)),
        )
        context = self.out_project(context.transpose(2, 3).view_as(query))
        if self.scale > 1:
            size, corners = pixels.shape[-2:], self.align_corners
            context = F.interpolate(
                context, size=size, mode='bilinear', align_corners=corners
            )
        return self.bottleneck(torch.cat([context, pixels], dim=1))


def soft_regions(logits: Tensor) -> Tensor:
    """(N, K, H, W) -> (N, K, H, W): softmax over space, so each class sums to one.

    Of a binary head, K = 1, the regions of background and foreground: (N, 2, H, W).
    """
    if logits.shape[1] == 1:
        logits = torch.cat([-logits, logits], dim=1)
    return logits.flatten(2).softmax(dim=2).view_as(logits)


def gather_objects(pixels: Tensor, logits: Tensor) -> Tensor:
    """The mean pixel of each class (paper, equation 3).

    Args:
        pixels: (N, C, H, W).
        logits: (N, K, H, W), how much each pixel belongs to each class.

    Returns:
        (N, C, K, 1); (N, C, 2, 1) of a binary head.
    """
    regions = soft_regions(logits).flatten(2)
    return (pixels.flatten(2) @ regions.transpose(1, 2)).unsqueeze(3)


def as_sequence(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H*W, C): one head of attention."""
    return x.flatten(2).transpose(1, 2).unsqueeze(1)


def two(conv: Callable[..., ConvModule], channels: int, inner: int) -> nn.Sequential:
    """Two 1x1 convolutions with norm and ReLU."""
    return nn.Sequential(conv(channels, inner, 1), conv(inner, inner, 1))


def conv_factory(head: BaseDecodeHead) -> Callable[..., ConvModule]:
    """Convolution, norm and activation as the head was configured."""
    return partial(
        ConvModule,
        conv_cfg=head.conv_cfg,
        norm_cfg=head.norm_cfg,
        act_cfg=head.act_cfg,
    )
