"""Deformable convolutions, and the operators of masked convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from . import _sampling
from ._common import warn_where_not_deterministic, widened


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **geometry: int,
) -> None:
    """Write the output of a deformable convolution (Dai et al., 2017)."""
    output.copy_(_convolve(_without_masks(input, weight, offset, geometry)))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **geometry: int,
) -> None:
    """Write the gradients of the input and of the offsets.

    All gradients are computed at once. That of the weight is stored in `columns`, a
    buffer that mmcv then passes to `deform_conv_backward_parameters`.
    """
    arguments = _without_masks(input, weight, offset, geometry)
    found = _gradients(grad_output, arguments)
    grad_input.copy_(found[0])
    grad_offset.copy_(found[2])
    columns.resize_as_(weight).copy_(found[1])


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    scale: float,
    **geometry: int,
) -> None:
    """Add the gradient of the weight, multiplied by `scale`, to `grad_weight`."""
    if columns.shape != grad_weight.shape:  # neither input nor offset needs a gradient
        arguments = _without_masks(input, grad_weight, offset, geometry)
        columns = _gradients(grad_output, arguments)[1]
    grad_weight.add_(columns, alpha=scale)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    **geometry: Any,
) -> None:
    """Write the output of a modulated deformable convolution (Zhu et al., 2018)."""
    offset, mask = _fit(offset, output), _fit(mask, output)
    output.copy_(_convolve(_with_masks(input, weight, offset, mask, bias, geometry)))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    **geometry: Any,
) -> None:
    """Write the gradients of all inputs."""
    offset, mask = _fit(offset, grad_output), _fit(mask, grad_output)
    arguments = _with_masks(input, weight, offset, mask, bias, geometry)
    found = _gradients(grad_output, arguments)
    for output, gradient in zip(
        (grad_input, grad_weight, grad_offset, grad_mask, grad_bias),
        found,
        strict=True,
    ):
        if output.numel() > gradient.numel():  # see _fit
            left_out = output[0].numel() - gradient[0].numel()
            gradient = F.pad(gradient.flatten(1), (0, left_out)).view_as(output)
        if output.numel():  # without a bias, grad_bias is empty
            output.copy_(gradient)


def masked_im2col_forward(
    image: Tensor,
    rows: Tensor,
    columns: Tensor,
    output: Tensor,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
) -> None:
    """Write the patches around pixels, (C * kernel_h * kernel_w, pixels)."""
    padded = F.pad(image[0], [pad_w] * 2 + [pad_h] * 2)
    near = [
        padded[:, rows + i, columns + j]
        for i in range(kernel_h)
        for j in range(kernel_w)
    ]
    output.copy_(torch.stack(near, 1).flatten(0, 1))


def masked_col2im_forward(
    values: Tensor,
    rows: Tensor,
    columns: Tensor,
    output: Tensor,
    height: int,
    width: int,
    channels: int,
) -> None:
    """Write values, (C, pixels), to their pixels; other pixels are unchanged."""
    output[0, :, rows, columns] = values


def _fit(values: Tensor, output: Tensor) -> Tensor:
    # mmcv reads offsets and masks as if they had the size of the output, and DyHead
    # passes larger ones.
    size = output.shape[2:]
    if values.shape[2:] == size:
        return values
    channels = values.shape[1]
    return values.flatten(1)[:, : channels * size.numel()].unflatten(
        1, (channels, *size)
    )


def _convolve(arguments: list[Any]) -> Tensor:
    if arguments[0].device.type == 'cpu':
        return _sampling.convolve(arguments)
    return torch.ops.torchvision.deform_conv2d(*arguments)


def _gradients(grad_output: Tensor, arguments: list[Any]) -> list[Tensor]:
    # of input, weight, offsets, masks and bias
    (grad_output,) = widened(grad_output)
    if grad_output.device.type == 'cpu':
        return _sampling.gradients(grad_output, arguments)
    with warn_where_not_deterministic():
        return torch.ops.torchvision._deform_conv2d_backward(grad_output, *arguments)


def _without_masks(
    input: Tensor, weight: Tensor, offset: Tensor, geometry: dict[str, int]
) -> list[Any]:
    masks, bias = offset.new_zeros(len(offset), 1), offset.new_zeros(len(weight))
    names = 'dH dW padH padW dilationH dilationW group deformable_group'
    values = [geometry[name] for name in names.split()]
    return [*widened(input, weight, offset, masks, bias), *values, False]


def _with_masks(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    geometry: dict[str, Any],
) -> list[Any]:
    bias = bias if geometry['with_bias'] else bias.new_zeros(len(weight))
    names = 'stride_h stride_w pad_h pad_w dilation_h dilation_w group deformable_group'
    values = [geometry[name] for name in names.split()]
    return [*widened(input, weight, offset, mask, bias), *values, True]
