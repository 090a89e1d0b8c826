"""Non-maximum suppression: hard, soft, and grouped (``nms_match``)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._common import widened


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the kept boxes by descending score.

    For the same indices as mmcv, the threshold is rounded to float32, and equal scores
    have the order of an unstable sort.
    """
    order = scores.sort(descending=True).indices
    boxes, scores = widened(boxes[order], scores[order])
    if offset:  # inclusive coordinates: the width is x2 - x1 + 1
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], 1)
    threshold = float(np.float32(iou_threshold))
    return order[torch.ops.torchvision.nms(boxes, scores, threshold)]


@np.errstate(invalid='ignore')
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
    """Write boxes and scores of Soft-NMS (Bodla et al., 2017) to `dets`.

    Returns the indices of the kept boxes. `method` is 0 (naive), 1 (linear) or 2
    (gaussian). Uses numpy, because torch takes three times as long for such small
    arrays. Boxes are swapped as in mmcv, which determines the order of equal scores.
    """
    threshold, sigma, minimum = np.array([iou_threshold, sigma, min_score], np.float32)
    table = _table(boxes, scores, offset)
    done, end = 0, len(boxes)
    while done < end:
        best = done + table[5, done:end].argmax()
        box = table[:, best].copy()
        table[:, best], table[:, done] = table[:, done], box
        done += 1
        rest = table[:, done:end]
        iou = _overlaps(box, rest)
        if method == 2:
            near = (iou > 0).nonzero()[0]
            # in double: numpy's float32 exp differs from C's in the last bit
            decay = np.exp(-(iou[near] ** 2) / sigma, dtype=np.float64)
            rest[5, near] *= decay.astype(np.float32)
        else:
            near = (iou >= threshold).nonzero()[0]
            rest[5, near] *= 1 - iou[near] if method == 1 else 0
        if done == 1 or (rest[5, near] < minimum).any():
            end = done + _drop(rest, rest[5] < minimum)
    found = torch.from_numpy(table[6, :end].astype(np.int64)).to(boxes.device)
    dets[:end, :4] = boxes[found].to(dets)
    dets[:end, 4] = torch.from_numpy(table[5, :end]).to(dets)
    return found


@np.errstate(invalid='ignore')
def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Return for each kept box a list of its index and those of suppressed boxes."""
    threshold = np.float32(iou_threshold)
    order = dets[:, 4].contiguous().sort(descending=True).indices
    table = _table(dets[order, :4], dets[order, 4])
    indices = order.cpu().numpy()
    free = np.ones(len(indices), bool)
    groups = []
    for i in range(len(indices)):
        if free[i]:
            group = free[i:] & (_overlaps(table[:, i], table[:, i:]) >= threshold)
            group[0] = True
            free[i:] &= ~group
            groups.append(indices[i:][group].tolist())
    return groups


def _table(boxes: Tensor, scores: Tensor, offset: int = 0) -> np.ndarray:
    # a column for each box: x1, y1, -x2, -y2, area, score and index, in float32, which
    # represents 2**24 indices exactly
    x1, y1, x2, y2 = boxes.detach().float().cpu().numpy().T
    x2, y2 = x2 + offset, y2 + offset
    values = scores.detach().float().cpu().numpy()
    index = np.arange(len(values), dtype=np.float32)
    return np.stack([x1, y1, -x2, -y2, (x2 - x1) * (y2 - y1), values, index])


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    # IoU of one box with others; NaN if both are empty
    corners = np.maximum(others[:4], box[:4, None])
    size = corners[:2] + corners[2:]  # negative if they intersect
    np.minimum(size, 0, out=size)
    shared = size[0] * size[1]
    union = others[4] + box[4]
    union -= shared
    shared /= union
    return shared


def _drop(columns: np.ndarray, dropped: np.ndarray) -> int:
    # overwrites dropped columns with the last kept ones; returns how many are kept
    count = len(dropped) - int(np.count_nonzero(dropped))
    holes = dropped[:count].nonzero()[0]
    if holes.size:
        last = (~dropped[count:]).nonzero()[0][::-1] + count
        columns[:, holes] = columns[:, last]
    return count
