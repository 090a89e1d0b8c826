"""Deformable convolution by ``grid_sample``, for CPUs.

The kernel of torchvision for CPUs takes one value at a time, on one core;
``python -m benchmarks.deformable`` compares both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ._common import gradients_of


def convolve(arguments: list[Any]) -> Tensor:
    """Compute what ``torch.ops.torchvision.deform_conv2d`` does, with its arguments."""
    tensors, geometry = arguments[:5], arguments[5:]
    return torch.cat(
        [deform_conv2d(*part, *geometry) for part in _parts(tensors, geometry)]
    )


def gradients(grad_output: Tensor, arguments: list[Any]) -> list[Tensor]:
    """Compute the gradients of input, weight, offset, mask and bias."""
    tensors, geometry = arguments[:5], arguments[5:]
    parts = list(_parts(tensors, geometry))
    found = [
        gradients_of(lambda *inputs: deform_conv2d(*inputs, *geometry), part, gradient)
        for part, gradient in zip(
            parts, grad_output.split(len(parts[0][0])), strict=True
        )
    ]
    images, weights, offsets, masks, biases = zip(*found, strict=True)
    return [
        torch.cat(images), sum(weights), torch.cat(offsets), torch.cat(masks),
        sum(biases),
    ]  # fmt: skip


def _parts(tensors: list[Tensor], geometry: list[Any]) -> Iterator[list[Any]]:
    # As many images at once as there are threads for: the patches of one image take
    # as much memory as nine of its feature maps.
    input, weight, offset, mask, bias = (it.contiguous() for it in tensors)
    offset_groups = geometry[-2]
    images = math.ceil(torch.get_num_threads() / offset_groups)
    for part in zip(*(it.split(images) for it in (input, offset, mask)), strict=True):
        yield [part[0], weight, *part[1:], bias]


def deform_conv2d(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    """Convolve some images.

    `input` is (B, C, H, W), `weight` (O, C // groups, kernel height, kernel width).
    `offset`, (B, offset_groups * taps * 2, h, w), has shifts (y, x) in pixels, and
    `mask`, (B, offset_groups * taps, h, w), factors; without `use_mask` it is not read.
    All are contiguous.
    Returns (B, O, h, w).
    """
    batch = len(input)
    size = offset.shape[-2:]
    rows = _positions(size[0], weight.shape[2], stride_h, pad_h, dilation_h, offset)
    columns = _positions(size[1], weight.shape[3], stride_w, pad_w, dilation_w, offset)
    shifts = offset.view(batch, offset_groups, *weight.shape[2:], 2, *size)
    y = shifts.select(4, 0) + rows[:, None, :, None]
    x = shifts.select(4, 1) + columns[None, :, None, :]
    patches = _sample(input, y, x)  # (B * offset_groups, channels, taps, pixels)
    if use_mask:
        patches = patches * mask.view(len(patches), 1, *patches.shape[2:])
    patches = patches.reshape(batch, groups, -1, size.numel())
    output = weight.view(groups, len(weight) // groups, -1) @ patches
    return output.view(batch, -1, *size) + bias.view(-1, 1, 1)


def _positions(
    pixels: int, taps: int, stride: int, pad: int, dilation: int, like: Tensor
) -> Tensor:
    # of each tap for each pixel of the output, in pixels of the input: (taps, pixels)
    starts = torch.arange(pixels).to(like) * stride - pad
    return torch.arange(taps).to(like)[:, None] * dilation + starts


def _sample(input: Tensor, y: Tensor, x: Tensor) -> Tensor:
    # (B, G, kernel height, kernel width, h, w) -> (B * G, C // G, taps, h * w)
    batch, groups, *_ = y.shape
    # With a power of two as the size, `grid` is exact for whole pixels. Otherwise they
    # are rounded to either side, where the gradient of the offset can be another. What
    # is nearer to a whole pixel than about 1e-6 of the size is rounded to it.
    rows, columns = input.shape[2:]
    height, width = (1 << (size - 1).bit_length() for size in (rows, columns))
    padded = F.pad(input, (0, width - columns, 0, height - rows))
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), -1)
    # As in mmcv: a position of exactly -1 has no gradient, an infinite one is outside.
    inside = (y > -1) & (x > -1) & (y < rows) & (x < columns)
    grid = torch.where(inside[..., None], grid, grid.new_tensor(-3))
    found = F.grid_sample(
        padded.reshape(batch * groups, -1, height, width),
        grid.view(batch * groups, -1, x.shape[-1], 2),
        align_corners=False,
    )
    return found.view(*found.shape[:2], -1, x.shape[-2] * x.shape[-1])
