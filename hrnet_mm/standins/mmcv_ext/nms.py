"""Non-maximum suppression: hard, soft, and with the suppressed boxes."""

from __future__ import annotations

import numpy as np
import torch
import torchvision
from torch import Tensor

from ._common import widened


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes that are kept, best first.

    Two details decide whether the result is that of mmcv, index by index: the threshold
    is rounded to float32, and equal scores are in the order of an unstable sort.
    """
    order = scores.sort(descending=True).indices
    boxes, scores = widened(boxes[order], scores[order])
    if offset:  # boxes of pixels: the width is x2 - x1 + 1
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], 1)
    threshold = float(np.float32(iou_threshold))
    return order[torch.ops.torchvision.nms(boxes, scores, threshold)]


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Soft-NMS (Bodla et al., 2017). Write boxes and scores into `dets`.

    Returns the indices of the boxes that are kept. `method`: 0 naive, 1 linear,
    2 gaussian. In numpy: each step works on few numbers, and torch takes three times as
    long for them.
    """
    threshold, sigma, minimum = np.array([iou_threshold, sigma, min_score], np.float32)
    x1, y1, x2, y2 = boxes.detach().float().cpu().numpy().T
    x2, y2 = x2 + offset, y2 + offset
    values = scores.detach().float().cpu().numpy()
    left = np.stack([x1, y1, x2, y2, (x2 - x1) * (y2 - y1), values])
    indices = np.arange(len(boxes))
    kept, final = [], []
    while indices.size:
        best = left[5].argmax()
        x1, y1, x2, y2, area, score = left[:, best]
        kept.append(indices[best])
        final.append(score)
        width = np.minimum(x2, left[2]) - np.maximum(x1, left[0])
        height = np.minimum(y2, left[3]) - np.maximum(y1, left[1])
        intersection = width.clip(0) * height.clip(0)
        iou = intersection / (area + left[4] - intersection)
        if method == 2:
            left[5] *= np.exp(-(iou**2) / sigma)
        else:
            left[5] *= np.where(iou >= threshold, 1 - iou if method == 1 else 0, 1)
        stays = left[5] >= minimum
        stays[best] = False
        left, indices = left[:, stays], indices[stays]
    found = torch.from_numpy(np.array(kept, np.int64)).to(boxes.device)
    dets[: len(kept), :4] = boxes[found].to(dets)
    dets[: len(kept), 4] = torch.from_numpy(np.array(final, np.float32)).to(dets)
    return found


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Return a group for each box that is kept: it, then those that it suppresses."""
    order = dets[:, 4].argsort(descending=True, stable=True)
    (boxes,) = widened(dets[order, :4])
    overlapping = torchvision.ops.box_iou(boxes, boxes) >= np.float32(iou_threshold)
    overlapping, order = overlapping.cpu(), order.cpu()
    overlapping.fill_diagonal_(True)
    free = torch.ones(len(order), dtype=torch.bool)
    groups = []
    for i in range(len(order)):
        if free[i]:
            group = overlapping[i] & free
            free &= ~group
            groups.append(order[group].tolist())
    return groups
