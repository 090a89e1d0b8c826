"""Segmentation heads on the HRNetV2 representation.

``HRNetV2Head``  1x1 convolution and classifier; also the auxiliary head of OCR
``OCRHead``      object-contextual representations, https://arxiv.org/abs/1909.11065

State-dict keys are those of MMSegmentation's ``FCNHead`` (as in its HRNet configs) and
``OCRHead``. With the default arguments, outputs are equal, too.
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
    """1x1 convolution, norm, ReLU and 1x1 classifier (paper, section 4.2).

    Args:
        in_channels: Channels of the representation, 15C, and of the convolution.
        bias: Whether the convolution has a bias. True as in the official code; 'auto',
            no bias before a norm, as in the checkpoints of MMSegmentation.
        dropout_ratio: Probability of dropping a channel before the classifier.
        kwargs: Arguments of MMSegmentation's heads: ``num_classes``, ``norm_cfg``,
            ``align_corners``, ``loss_decode`` ...; ``out_channels=1`` makes a binary
            head.

    Raises:
        ValueError: If ``num_classes`` is 1, or ``loss_decode`` does not fit the head.
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
        self.convs = nn.Sequential(
            _conv_factory(self)(channels, channels, 1, bias=bias)
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map a tuple with one tensor, (N, 15C, H, W), to logits, (N, K, H, W)."""
        return self.cls_seg(self.convs(self._transform_inputs(inputs)))


@MODELS.register_module()
class OCRHead(CheckedHead, BaseCascadeDecodeHead):
    """Head with object-contextual representations (OCR).

    The logits of the previous head define a soft region for each class. The mean of the
    pixels in the region represents the class, and every pixel attends to the classes.

    Args:
        in_channels: Channels of the representation, 15C.
        channels: Channels of the pixel representation (512 in the paper).
        ocr_channels: Channels of queries, keys and values (256 in the paper).
        scale: Factor of the max pooling before attention; the result is upsampled. In
            the official code, but 1 in all published models.
        bias: Whether the 3x3 convolution has a bias; see ``HRNetV2Head``.
        dropout_ratio: Probability of dropping a channel before the classifier; 0.05 in
            the official code, 0 in MMSegmentation.
        kwargs: Arguments of MMSegmentation's heads; see ``HRNetV2Head``.

    Raises:
        ValueError: If ``num_classes`` is 1, or ``loss_decode`` does not fit the head.
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
        conv = _conv_factory(self)
        self.object_context_block = ObjectAttention(
            channels, ocr_channels, scale, self.align_corners, conv
        )
        self.bottleneck = conv(self.in_channels, channels, 3, padding=1, bias=bias)

    def forward(self, inputs: Sequence[Tensor], prev_output: Tensor) -> Tensor:
        """Refine logits, (N, K, H, W), with a tuple of one tensor, (N, 15C, H, W)."""
        pixels = self.bottleneck(self._transform_inputs(inputs))
        objects = gather_objects(pixels, prev_output)
        return self.cls_seg(self.object_context_block(pixels, objects))


class ObjectAttention(nn.Module):
    """Attention of pixels to object regions (paper, equations 4 and 5)."""

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
        self.key_project = _two_convs(conv, channels, inner)
        self.query_project = _two_convs(conv, channels, inner)
        self.value_project = conv(channels, inner, 1)
        self.out_project = conv(inner, channels, 1)
        self.bottleneck = conv(2 * channels, channels, 1)

    def forward(self, pixels: Tensor, objects: Tensor) -> Tensor:
        """Map pixels, (N, C, H, W), and objects, (N, C, K, 1), to (N, C, H, W)."""
        queried = F.max_pool2d(pixels, self.scale) if self.scale > 1 else pixels
        query = self.query_project(queried)
        context = F.scaled_dot_product_attention(
            _as_sequence(query),
            _as_sequence(self.key_project(objects)),
            _as_sequence(self.value_project(objects)),
        )
        context = self.out_project(context.transpose(2, 3).view_as(query))
        if self.scale > 1:
            size, corners = pixels.shape[-2:], self.align_corners
            context = F.interpolate(
                context, size=size, mode='bilinear', align_corners=corners
            )
        return self.bottleneck(torch.cat([context, pixels], dim=1))


def soft_regions(logits: Tensor) -> Tensor:
    """Return the softmax over pixels of each class, so that each class sums to 1.

    Args:
        logits: (N, K, H, W).

    Returns:
        (N, K, H, W). For a binary head, K = 1, (N, 2, H, W): background and foreground.
    """
    if logits.shape[1] == 1:
        logits = torch.cat([-logits, logits], dim=1)
    return logits.flatten(2).softmax(dim=2).view_as(logits)


def gather_objects(pixels: Tensor, logits: Tensor) -> Tensor:
    """Return the mean pixel of each class, weighted by its soft region (equation 3).

    Args:
        pixels: (N, C, H, W).
        logits: (N, K, H, W).

    Returns:
        (N, C, K, 1), or (N, C, 2, 1) for a binary head.
    """
    regions = soft_regions(logits).flatten(2)
    return (pixels.flatten(2) @ regions.transpose(1, 2)).unsqueeze(3)


def _as_sequence(x: Tensor) -> Tensor:
    # (N, C, H, W) -> (N, 1, H*W, C): one attention head
    return x.flatten(2).transpose(1, 2).unsqueeze(1)


def _two_convs(
    conv: Callable[..., ConvModule], channels: int, inner: int
) -> nn.Sequential:
    return nn.Sequential(conv(channels, inner, 1), conv(inner, inner, 1))


def _conv_factory(head: BaseDecodeHead) -> Callable[..., ConvModule]:
    return partial(
        ConvModule,
        conv_cfg=head.conv_cfg,
        norm_cfg=head.norm_cfg,
        act_cfg=head.act_cfg,
    )
