"""Heatmaps of a batch of keypoints, on their device."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from torch import Tensor


def encode(codec: Any, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Draw the heatmaps that a codec of MMPose draws for one instance at a time.

    Args:
        codec: An ``MSRAHeatmap``, or a ``UDPHeatmap`` with
            ``heatmap_type='gaussian'``.
        keypoints: (B, K, 2), x and y in pixels of the input image.
        visible: (B, K), 0.5 or more where a keypoint is labelled.

    Returns:
        Heatmaps, (B, K, H, W), equal to those of ``codec.encode`` within 1e-6; and
        the weights of the keypoints, (B, K): ``visible``, but 0 for a labelled
        keypoint whose Gaussian is outside the heatmap.

    Raises:
        ValueError: If the codec is another one.
    """
    unbiased = getattr(codec, 'unbiased', False)  # DARK
    udp = type(codec) is UDPHeatmap and codec.heatmap_type == 'gaussian'
    if not udp and type(codec) is not MSRAHeatmap:
        raise ValueError(
            f'hrnet_mm.HeatmapHead draws the heatmaps of MSRAHeatmap and UDPHeatmap, '
            f'not those of {codec!r}: add dict(type="GenerateTarget", encoder=CODEC) '
            'to the training pipeline, before the transform that packs'
        )
    labelled = visible >= 0.5
    known = labelled & keypoints.isfinite().all(dim=-1)
    keypoints = torch.where(known[..., None], keypoints, 0)
    points = keypoints / keypoints.new_tensor(codec.scale_factor)
    reach = 3 * codec.sigma
    if unbiased:
        start, end = points - reach, points + reach + 1
    else:
        # rounded towards 0, as numpy does
        cells = (points + 0.5).trunc()
        start, end = (cells - reach).trunc(), (cells + reach + 1).trunc()
    outside = (start >= points.new_tensor(codec.heatmap_size)) | (end < 0)
    drawn = known & ~outside.any(dim=-1)
    lines = []
    for axis, length in enumerate(codec.heatmap_size):
        pixels = torch.arange(length, device=points.device)
        if unbiased:
            line = _gaussian(pixels - points[..., axis, None], codec.sigma)
        else:
            first, last = start[..., axis, None], end[..., axis, None]
            middle = first + (2 * reach + 1) // 2
            if udp:
                middle = middle + (points - cells)[..., axis, None]
            line = _gaussian(pixels - middle, codec.sigma)
            line = line * ((pixels >= first) & (pixels < last))
        lines.append(line)
    columns, rows = lines
    heatmaps = (rows * drawn[..., None])[..., None] * columns[..., None, :]
    return heatmaps, torch.where(labelled & ~drawn, 0, visible)


def _gaussian(distance: Tensor, sigma: float) -> Tensor:
    return torch.exp(-(distance**2) / (2 * sigma**2))
