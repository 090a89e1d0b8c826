"""Grouping of Panoptic-DeepLab: from classes, centres and offsets to segments."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.evaluation import INSTANCE_OFFSET
from torch import Tensor

CHUNK = 1 << 24
"""Largest number of distances that are computed at once: 64 MiB in float32."""


def find_centres(heat: Tensor, threshold: float, kernel: int, number: int) -> Tensor:
    """Return the strongest local maxima of a centre heatmap.

    Args:
        heat: (H, W).
        threshold: Smallest value of a centre.
        kernel: Side of the window, in pixels, in which a centre is the largest value.
        number: Of more maxima, those above the one of this rank, as in detectron2.

    Returns:
        (K, 2), y and x in pixels, by rows of the image.
    """
    heat = heat.where(heat > threshold, -1)
    pooled = F.max_pool2d(heat[None, None], kernel, stride=1, padding=kernel // 2)
    peaks = heat.where(heat == pooled[0, 0], -1)
    kept = peaks.flatten().topk(min(number, peaks.numel())).values
    return torch.nonzero(peaks > kept[-1].clamp(min=0))


def group_pixels(centres: Tensor, offsets: Tensor, pixels: Tensor) -> Tensor:
    """Return the centre that is nearest to where each pixel points.

    Needs at most ``CHUNK`` distances at a time, whatever the number of centres.

    Args:
        centres: (K, 2), y and x in pixels; K is at least 1.
        offsets: (2, H, W), y and x from a pixel to the centre of its instance.
        pixels: (N, 2), y and x of the pixels to group, int64.

    Returns:
        (N,), index of a centre; of several at the same distance, the first.
    """
    targets = pixels + offsets[:, pixels[:, 0], pixels[:, 1]].T
    found = [
        (part[:, None] - centres).square_().sum(dim=-1).argmin(dim=1)
        for part in targets.split(max(CHUNK // (2 * len(centres)), 1))
    ]
    return torch.cat(found) if found else pixels.new_empty(0)


def merge_segments(
    labels: Tensor,
    centre_heat: Tensor,
    offsets: Tensor,
    *,
    things: int,
    classes: int,
    threshold: float = 0.1,
    kernel: int = 7,
    top_k: int = 200,
    stuff_area: int = 2048,
) -> Tensor:
    """Return the panoptic segmentation of an image (Panoptic-DeepLab, section 3.3).

    Each pixel of a thing belongs to the centre nearest to where it points, and each
    instance has the most frequent class of its pixels. Things without a centre, and
    stuff on too few pixels, are void.

    Args:
        labels: (H, W), the class of each pixel: things come first.
        centre_heat: (H, W).
        offsets: (2, H, W), in pixels of the image.
        things: The number of classes of things.
        classes: The number of classes.
        threshold: Smallest value of a centre.
        kernel: Side of the window in which a centre is the largest value, odd.
        top_k: ``number`` of ``find_centres``.
        stuff_area: Smallest number of pixels of a class of stuff.

    Returns:
        (H, W), int64: class + 1000 * instance, as in MMDetection. Instances have
        numbers from 1, stuff has 0, and void is ``classes``.
    """
    labels = labels.long()
    areas = torch.bincount(labels.flatten(), minlength=classes)
    large = areas >= stuff_area
    large[:things] = False
    panoptic = labels.where(large[labels], classes)
    centres = find_centres(centre_heat, threshold, kernel, top_k)
    pixels = torch.nonzero(labels < things)
    if not len(centres) or not len(pixels):
        return panoptic
    rows, columns = pixels.T
    owners = group_pixels(centres, offsets, pixels)
    votes = torch.bincount(
        owners * things + labels[rows, columns], minlength=len(centres) * things
    )
    majority = votes.view(len(centres), things).argmax(dim=1)
    panoptic[rows, columns] = majority[owners] + (owners + 1) * INSTANCE_OFFSET
    return panoptic
