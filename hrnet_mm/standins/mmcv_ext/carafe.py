"""CARAFE: content-aware reassembly of features (Wang et al., 2019)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ._common import widened, write_gradients


def carafe_naive_forward(
    features: Tensor,
    masks: Tensor,
    output: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Write the upsampled features, (N, C, sH, sW)."""
    output.copy_(_reassemble(features, masks, kernel_size, group_size, scale_factor))


def carafe_naive_backward(
    grad_output: Tensor,
    features: Tensor,
    masks: Tensor,
    grad_features: Tensor,
    grad_masks: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Write the gradients of the features and of the masks."""
    run = partial(
        _reassemble,
        kernel_size=kernel_size,
        group_size=group_size,
        scale_factor=scale_factor,
    )
    outputs = (grad_features, grad_masks)
    write_gradients(run, (features, masks), grad_output, outputs)


def carafe_forward(
    features: Tensor,
    masks: Tensor,
    rfeatures: Tensor,
    routput: Tensor,
    rmasks: Tensor,
    output: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Write the upsampled features; ``routput`` and ``rmasks`` are not used."""
    rfeatures.copy_(features)  # mmcv passes it to the backward
    carafe_naive_forward(features, masks, output, kernel_size, group_size, scale_factor)


def carafe_backward(
    grad_output: Tensor,
    rfeatures: Tensor,
    masks: Tensor,
    rgrad_output: Tensor,
    rgrad_features_hs: Tensor,
    rgrad_features: Tensor,
    rgrad_masks: Tensor,
    grad_features: Tensor,
    grad_masks: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Write the gradients of the features and of the masks."""
    carafe_naive_backward(
        grad_output,
        rfeatures,
        masks,
        grad_features,
        grad_masks,
        kernel_size,
        group_size,
        scale_factor,
    )


def _reassemble(
    features: Tensor,
    masks: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> Tensor:
    # one kernel pixel at a time, to need kernel_size**2 times less memory
    features, masks = widened(features, masks)
    height, width = features.shape[2:]
    padded = F.pad(features, [kernel_size // 2] * 4).unflatten(1, (group_size, -1))
    masks = masks.unflatten(1, (group_size, 1, -1))
    output = torch.zeros_like(masks[:, :, :, 0])
    for i in range(kernel_size**2):
        y, x = divmod(i, kernel_size)
        near = padded[..., y : y + height, x : x + width]
        near = near.repeat_interleave(scale_factor, -1)
        near = near.repeat_interleave(scale_factor, -2)
        output = output + near * masks[:, :, :, i]
    return output.flatten(1, 2)
