"""The attention masks of PSANet (Zhao et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor


def psamask_forward(
    input: Tensor,
    output: Tensor,
    psa_type: int,
    num_: int,
    h_feature: int,
    w_feature: int,
    h_mask: int,
    w_mask: int,
    half_h_mask: int,
    half_w_mask: int,
) -> None:
    """Write the attention of each pixel to all pixels, from the mask around it.

    `input` is (N, h_mask * w_mask, H, W), and `output` (N, H * W, H, W). `psa_type` is
    0 to collect from all pixels, and 1 to distribute to them.
    """
    at = _pixels(input, h_feature, w_feature, h_mask, w_mask, half_h_mask, half_w_mask)
    mask, there, here = at
    source, target = (there, here) if psa_type == 0 else (here, there)
    output.flatten(2)[:, source, target] = input.flatten(2)[:, mask, here]


def psamask_backward(
    grad_output: Tensor,
    grad_input: Tensor,
    psa_type: int,
    num_: int,
    h_feature: int,
    w_feature: int,
    h_mask: int,
    w_mask: int,
    half_h_mask: int,
    half_w_mask: int,
) -> None:
    """Write the gradient of the masks."""
    sizes = (h_feature, w_feature, h_mask, w_mask, half_h_mask, half_w_mask)
    mask, there, here = _pixels(grad_output, *sizes)
    source, target = (there, here) if psa_type == 0 else (here, there)
    grad_input.flatten(2)[:, mask, here] = grad_output.flatten(2)[:, source, target]


def _pixels(
    like: Tensor, height: int, width: int, h_mask: int, w_mask: int, up: int, left: int
) -> tuple[Tensor, Tensor, Tensor]:
    # For each pair of pixels within the mask: index in the mask, the other pixel, the
    # pixel. The center of the mask is at (up, left).
    sizes = [range(n) for n in (h_mask, w_mask, height, width)]
    at = [torch.arange(n.stop, device=like.device) for n in sizes]
    i, j, y, x = torch.meshgrid(*at, indexing='ij')
    there_y, there_x = i + y - up, j + x - left
    inside = (there_y >= 0) & (there_y < height) & (there_x >= 0) & (there_x < width)
    mask, there, here = i * w_mask + j, there_y * width + there_x, y * width + x
    return mask[inside], there[inside], here[inside]
