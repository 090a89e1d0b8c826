"""Grouping of keypoints into instances by their tags (associative embedding).

Follows HigherHRNet, section 3.2, and lib/core/group.py of its official code. Local
maxima of the heatmaps are the candidates. Keypoint by keypoint, they are matched to the
instances found so far by the distance of their tags. Then each keypoint is adjusted
towards its higher neighbours, and missing keypoints are searched in the whole heatmap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# of the squared distances, which break ties between equal costs and change no other
# result; the distances themselves have ties: those of tags of length 1 may be swapped
TIE_WEIGHT = 1e-8


@dataclass(frozen=True)
class Candidates:
    """The highest peaks of each of K heatmaps.

    Attributes:
        scores: (K, M).
        tags: (K, M, L).
        pixels: (K, M, 2), x and y.
    """

    scores: np.ndarray
    tags: np.ndarray
    pixels: np.ndarray


def find_candidates(
    heatmaps: Tensor, tags: Tensor, number: int, kernel: int
) -> Candidates:
    """Return the ``number`` highest local maxima of each heatmap, with their tags.

    Args:
        heatmaps: (K, H, W).
        tags: (L, K, H, W).
        number: Maximum number of candidates for each keypoint, M.
        kernel: Size of the neighbourhood in which a maximum is the highest value, odd.
    """
    # On a CPU, max pooling takes a third of the time in channels_last.
    batch = heatmaps[None].to(memory_format=torch.channels_last)
    peak = F.max_pool2d(batch, kernel, stride=1, padding=kernel // 2)[0].contiguous()
    peaks = (heatmaps * (heatmaps == peak)).flatten(1)
    scores, at = peaks.topk(min(number, peaks.shape[1]))
    found = tags.flatten(2).gather(2, at.expand(len(tags), -1, -1))
    width = heatmaps.shape[-1]
    pixels = torch.stack([at % width, at // width], dim=-1)
    return Candidates(
        scores.cpu().numpy(), found.permute(1, 2, 0).cpu().numpy(), pixels.cpu().numpy()
    )


@dataclass(frozen=True)
class Instances:
    """N instances with K keypoints each.

    Attributes:
        keypoints: (N, K, 3), x and y in pixels and the score; 0 for missing keypoints.
        tags: (N, L), the mean tag of the keypoints that were found.
    """

    keypoints: np.ndarray
    tags: np.ndarray


def group(
    found: Candidates,
    order: Sequence[int],
    threshold: float,
    tag_threshold: float,
    max_people: int,
) -> Instances:
    """Match candidates to instances, one keypoint after another.

    For each keypoint, a linear assignment minimizes the sum of the tag distances,
    rounded to integers, and then maximizes the scores. Among assignments of equal cost
    the official code returns an arbitrary one, which rounding chooses; this function
    returns the one with the smallest squared distances. A candidate whose distance is
    ``tag_threshold`` or more starts a new instance.

    Args:
        found: Candidates for all keypoints.
        order: Indices of keypoints in the order of matching, usually from the head
            down.
        threshold: Candidates with a score of at most this are ignored.
        tag_threshold: Distance from which a candidate starts a new instance.
        max_people: Candidates are matched to the first ``max_people`` instances only.
    """
    count, length = found.scores.shape[0], found.tags.shape[-1]
    instances = np.zeros((0, count, 3), np.float32)
    sums, counts = np.zeros((0, length)), np.zeros(0)
    for keypoint in order:
        valid = found.scores[keypoint] > threshold
        if not valid.any():
            continue
        scores, tags = found.scores[keypoint][valid], found.tags[keypoint][valid]
        rows = np.column_stack([found.pixels[keypoint][valid], scores])
        known = min(len(instances), max_people)
        means = sums[:known] / counts[:known, None]
        distances = np.linalg.norm(tags[:, None] - means, axis=2)
        candidates, owners = linear_sum_assignment(
            100 * np.round(distances) - scores[:, None] + TIE_WEIGHT * distances**2
        )
        near = distances[candidates, owners] < tag_threshold
        candidates, owners = candidates[near], owners[near]
        instances[owners, keypoint] = rows[candidates]
        sums[owners] += tags[candidates]
        counts[owners] += 1

        new = np.setdiff1d(np.arange(len(rows)), candidates)
        others = np.zeros((len(new), count, 3), np.float32)
        others[:, keypoint] = rows[new]
        instances = np.concatenate([instances, others])
        sums = np.concatenate([sums, tags[new]])
        counts = np.concatenate([counts, np.ones(len(new))])
    return Instances(instances, sums / np.maximum(counts, 1)[:, None])


def adjust(keypoints: np.ndarray, heatmaps: Tensor) -> np.ndarray:
    """Move keypoints to pixel centers, then 1/4 pixel towards the higher neighbours.

    Args:
        keypoints: (N, K, 3), x, y and score. Keypoints with score 0 do not move.
        heatmaps: (K, H, W).
    """
    height, width = heatmaps.shape[-2:]
    instance, keypoint = np.nonzero(keypoints[..., 2] > 0)
    x, y = keypoints[instance, keypoint, :2].astype(int).T

    def values_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        arrays = (keypoint, y.clip(0, height - 1), x.clip(0, width - 1))
        index = tuple(torch.from_numpy(i).to(heatmaps.device) for i in arrays)
        return heatmaps[index].cpu().numpy()

    right = values_at(x + 1, y) > values_at(x - 1, y)
    down = values_at(x, y + 1) > values_at(x, y - 1)
    moved = keypoints.copy()
    moved[instance, keypoint, 0] += np.where(right, 0.75, 0.25)
    moved[instance, keypoint, 1] += np.where(down, 0.75, 0.25)
    return moved


def find_missing(instances: Instances, heatmaps: Tensor, tags: Tensor) -> np.ndarray:
    """Search the whole heatmap for the missing keypoints of each instance.

    Takes the pixel with the highest heatmap value less the tag distance, which is
    rounded to an integer.

    Args:
        instances: The result of ``group``.
        heatmaps: (K, H, W).
        tags: (L, K, H, W).

    Returns:
        (N, K, 3), x, y and score of the keypoints that were missing. All others are 0,
        as are keypoints whose heatmap value is not positive.
    """
    missing = instances.keypoints[..., 2] == 0
    found = np.zeros_like(instances.keypoints)
    means = torch.from_numpy(instances.tags).to(heatmaps)
    width = heatmaps.shape[-1]
    for keypoint in np.flatnonzero(missing.any(axis=0)):
        rows = np.flatnonzero(missing[:, keypoint])
        heat, tag = heatmaps[keypoint].flatten(), tags[:, keypoint].flatten(1)
        pixels = torch.stack([_best_pixel(heat, tag, means[row]) for row in rows])
        values = torch.stack([pixels % width, pixels // width, heat[pixels]], dim=-1)
        found[rows, keypoint] = values.cpu().numpy()
    found[found[..., 2] <= 0] = 0
    return found


def _best_pixel(heat: Tensor, tag: Tensor, mean: Tensor) -> Tensor:
    # heat (P,), tag (L, P), mean (L,) -> index of a pixel
    # norm() over such short vectors takes ten times as long
    squares = sum((t - m).square() for t, m in zip(tag, mean, strict=True))
    return (heat - squares.sqrt().round()).max(dim=0).indices
