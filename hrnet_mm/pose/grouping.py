"""From heatmaps and tags to people (HigherHRNet, section 3.2; lib/core/group.py).

Peaks of the heatmaps are candidates for joints. Joint by joint they are matched to the
people found so far by the distance of tags; then each joint moves a quarter of a pixel
towards its higher neighbours, and what a person lacks is looked for in the whole map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

TIE = 1e-6  # decides between equal sums alone


@dataclass(frozen=True)
class Candidates:
    """The highest peaks of each of K heatmaps.

    Attributes:
        scores: (K, M).
        tags: (K, M, L).
        places: (K, M, 2), x and y in pixels.
    """

    scores: np.ndarray
    tags: np.ndarray
    places: np.ndarray


def find_candidates(
    heatmaps: Tensor, tags: Tensor, number: int, kernel: int
) -> Candidates:
    """The ``number`` highest local maxima.

    Args:
        heatmaps: (K, H, W).
        tags: (L, K, H, W).
        number: Of candidates per joint.
        kernel: The size of the neighbourhood that a maximum has to win, odd.
    """
    # a CPU pools all joints of a pixel at once, in a third of the time
    batch = heatmaps[None].to(memory_format=torch.channels_last)
    peak = F.max_pool2d(batch, kernel, stride=1, padding=kernel // 2)[0].contiguous()
    peaks = (heatmaps * (heatmaps == peak)).flatten(1)
    scores, at = peaks.topk(min(number, peaks.shape[1]))
    found = tags.flatten(2).gather(2, at.expand(len(tags), -1, -1))
    width = heatmaps.shape[-1]
    places = torch.stack([at % width, at // width], dim=-1)
    return Candidates(
        scores.cpu().numpy(), found.permute(1, 2, 0).cpu().numpy(), places.cpu().numpy()
    )


@dataclass(frozen=True)
class People:
    """N people of K joints.

    Attributes:
        joints: (N, K, 3), x and y in pixels and the score; 0 where none was found.
        tags: (N, L), the mean tag of the joints that were found.
    """

    joints: np.ndarray
    tags: np.ndarray


def group(
    found: Candidates,
    order: Sequence[int],
    threshold: float,
    tag_threshold: float,
    max_people: int,
) -> People:
    """Match candidates to people, one joint after another.

    A candidate belongs to one person, a person has one candidate for each joint, and
    the sum of the distances of their tags, in whole numbers, is the least there is;
    the higher scores come first. Which of equal sums the official code takes is a
    matter of chance; here it is the one of exact distances. A candidate further than
    ``tag_threshold`` from its person begins another one.

    Args:
        found: Candidates for all joints.
        order: In which joints are matched: from the head down.
        threshold: Of scores; what is not above is no candidate.
        tag_threshold: Of distances.
        max_people: Later ones are matched to nobody.
    """
    joints, length = found.scores.shape[0], found.tags.shape[-1]
    people = np.zeros((0, joints, 3), np.float32)
    sums, counts = np.zeros((0, length)), np.zeros(0)
    for joint in order:
        there = found.scores[joint] > threshold
        if not there.any():
            continue
        scores, tags = found.scores[joint][there], found.tags[joint][there]
        rows = np.column_stack([found.places[joint][there], scores])
        known = min(len(people), max_people)
        means = sums[:known] / counts[:known, None]
        distances = np.linalg.norm(tags[:, None] - means, axis=2)
        candidates, owners = linear_sum_assignment(
            100 * np.round(distances) - scores[:, None] + TIE * distances
        )
        near = distances[candidates, owners] < tag_threshold
        candidates, owners = candidates[near], owners[near]
        people[owners, joint] = rows[candidates]
        sums[owners] += tags[candidates]
        counts[owners] += 1

        new = np.setdiff1d(np.arange(len(rows)), candidates)
        others = np.zeros((len(new), joints, 3), np.float32)
        others[:, joint] = rows[new]
        people = np.concatenate([people, others])
        sums = np.concatenate([sums, tags[new]])
        counts = np.concatenate([counts, np.ones(len(new))])
    return People(people, sums / np.maximum(counts, 1)[:, None])


def adjust(joints: np.ndarray, heatmaps: Tensor) -> np.ndarray:
    """To the middle of the pixel, and a quarter towards the higher neighbours.

    Args:
        joints: (N, K, 3); those with score 0 stay where they are.
        heatmaps: (K, H, W).
    """
    height, width = heatmaps.shape[-2:]
    person, joint = np.nonzero(joints[..., 2] > 0)
    x, y = joints[person, joint, :2].astype(int).T

    def at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        index = (joint, y.clip(0, height - 1), x.clip(0, width - 1))
        places = tuple(torch.from_numpy(i).to(heatmaps.device) for i in index)
        return heatmaps[places].cpu().numpy()

    right, down = at(x + 1, y) > at(x - 1, y), at(x, y + 1) > at(x, y - 1)
    moved = joints.copy()
    moved[person, joint, 0] += np.where(right, 0.75, 0.25)
    moved[person, joint, 1] += np.where(down, 0.75, 0.25)
    return moved


def complete(people: People, heatmaps: Tensor, tags: Tensor) -> np.ndarray:
    """Look for the joints that people lack: the highest pixel with the person's tag.

    The tag counts by its distance in whole numbers, which is subtracted.

    Args:
        people: As they were grouped.
        heatmaps: (K, H, W).
        tags: (L, K, H, W).

    Returns:
        (N, K, 3), those joints alone; the others are 0, and so is what is nowhere above
        0.
    """
    lacking = people.joints[..., 2] == 0
    found = np.zeros_like(people.joints)
    wanted = torch.from_numpy(people.tags).to(heatmaps)
    width = heatmaps.shape[-1]
    for joint in np.flatnonzero(lacking.any(axis=0)):
        who = np.flatnonzero(lacking[:, joint])
        heat, tag = heatmaps[joint].flatten(), tags[:, joint].flatten(1)
        places = torch.stack([search(heat, tag, wanted[person]) for person in who])
        row = torch.stack([places % width, places // width, heat[places]], dim=-1)
        found[who, joint] = row.cpu().numpy()
    found[found[..., 2] <= 0] = 0
    return found


def search(heat: Tensor, tag: Tensor, wanted: Tensor) -> Tensor:
    """The pixel where heat less the distance of tags is highest, as an index.

    Args:
        heat: (P,).
        tag: (L, P).
        wanted: (L,).
    """
    # norm() over a few numbers takes ten times as long
    squares = sum((t - w).square() for t, w in zip(tag, wanted, strict=True))
    return (heat - squares.sqrt().round()).max(dim=0).indices
