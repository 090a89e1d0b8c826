"""Left and right keypoints of people that are exchanged, by geometry.

The side of a pair (left and right shoulder, for example) is the side of the body axis
on which its left keypoint lies: +1 if a person who faces the camera has it there, -1 as
seen from behind. All pairs of a person have the same side, except limbs that cross, and
twisted people. The body axis points from the shoulders to the hips, so that people may
lie or stand on their heads.

Three faults are found, each as a share of the people that tell:

- All pairs are exchanged: the face is visible, but the pairs say that the person is
  seen from behind.
- One pair is exchanged in the whole data set: it contradicts the other pairs of most
  people.
- The shoulders contradict the hips of some people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from .findings import Finding, finding

FACE = ('nose', 'left_eye', 'right_eye')
BODY = ('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip', 'left_wrist')
RIGID = ('eye', 'ear', 'shoulder', 'hip')  # pairs that do not cross
ENOUGH = 4  # people, for a share that means something
CLEAR = 0.25  # of the length of the axis; pairs that are closer do not tell
MOST, MANY, SOME = 0.5, 0.1, 0.02
VISIBLE = 2


def exchanged_sides(
    names: Sequence[str], people: np.ndarray, places: Sequence[str], split: str
) -> Iterator[Finding]:
    """Find keypoints whose left and right are exchanged.

    Args:
        names: Names of the K keypoints. Those without shoulders, hips and wrists or
            without nose and eyes are not checked: other bodies have other axes.
        people: (N, K, 3), x, y and the visibility of COCO.
        places: The name of each person, for the report.
        split: The name of the split.
    """
    index = {side_name(name): number for number, name in enumerate(names)}
    if not len(people) or (not {*FACE} <= {*index} and not {*BODY} <= {*index}):
        return
    body = {*BODY} <= {*index}
    axis = _body_axis(people, index) if body else _face_axis(people, index)
    sides = {
        pair: _side(people, axis, index[f'left_{pair}'], index[f'right_{pair}'])
        for pair in _pairs(index)
    }
    found = list(_exchanged_wholly(people, index, sides, places, split))
    if not found and body:
        found = list(_exchanged_pairs(sides, places, split))
    if not found and body:
        found = list(_contradictions(sides, places, split))
    yield from found


def side_name(name: str) -> str:
    """Return a name such as ``L_Eye`` or ``Left Eye`` in the form ``left_eye``."""
    words = re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name)
    words = re.sub(r'[^a-z0-9]+', '_', words.lower()).strip('_')
    return re.sub(r'^(l|r)_', lambda m: {'l': 'left_', 'r': 'right_'}[m[1]], words)


def _pairs(index: dict[str, int]) -> list[str]:
    stems = [name.removeprefix('left_') for name in index if name.startswith('left_')]
    return [stem for stem in stems if f'right_{stem}' in index]


def _body_axis(people: np.ndarray, index: dict[str, int]) -> np.ndarray:
    # (N, 2); NaN if one of the four keypoints is not labelled
    ends = [
        people[:, [index[f'left_{part}'], index[f'right_{part}']]]
        for part in ('shoulder', 'hip')
    ]
    upper, lower = (pair[..., :2].mean(axis=1) for pair in ends)
    missing = np.any(np.stack(ends)[..., 2] <= 0, axis=(0, 2))
    axis = lower - upper
    axis[missing] = np.nan
    return axis


def _face_axis(people: np.ndarray, index: dict[str, int]) -> np.ndarray:
    # (N, 2), from the eyes to the nose; NaN if one of the three is not labelled
    face = people[:, [index[name] for name in FACE]]
    axis = face[:, 0, :2] - face[:, 1:, :2].mean(axis=1)
    axis[np.any(face[..., 2] <= 0, axis=1)] = np.nan
    return axis


def _side(people: np.ndarray, axis: np.ndarray, left: int, right: int) -> np.ndarray:
    # (N,): the distance of left from right across the axis, in lengths of the axis;
    # NaN if unknown
    across = people[:, left, :2] - people[:, right, :2]
    labelled = (people[:, [left, right], 2] > 0).all(axis=1)
    squared = (axis**2).sum(axis=1)
    with np.errstate(divide='ignore', invalid='ignore'):
        # y points down: (1, 0) across the axis (0, 1) is the front
        side = (across[:, 0] * axis[:, 1] - across[:, 1] * axis[:, 0]) / squared
    return np.where(labelled & np.isfinite(side), side, np.nan)


def _exchanged_wholly(
    people: np.ndarray,
    index: dict[str, int],
    sides: dict[str, np.ndarray],
    places: Sequence[str],
    split: str,
) -> Iterator[Finding]:
    if not {*FACE} <= {*index}:
        return
    face = people[:, [index[name] for name in FACE], 2] == VISIBLE
    rigid = [pair for pair in sides if pair in RIGID]
    votes = np.stack([_vote(pair, sides[pair]) for pair in rigid])
    agree = np.abs(votes.sum(axis=0)) == (votes != 0).sum(axis=0)
    enough = (votes != 0).sum(axis=0) >= min(2, len(rigid))
    looks = votes[rigid.index('eye')]
    told = face.all(axis=1) & (looks != 0) & agree & enough
    behind = told & (looks < 0)
    share = behind.sum() / max(told.sum(), 1)
    if told.sum() < ENOUGH or share < MANY:
        return
    what = (
        f'left and right are exchanged for {behind.sum()} of {told.sum()} people in '
        f'{split} ({share:.0%}) whose face is visible: '
    )
    where = [places[i] for i in np.flatnonzero(behind).tolist()]
    if share > MOST:
        yield finding(
            'wrong',
            f'{what}the left eye is that of the person, at the right of the image if '
            'it faces the camera. Exchange left and right in the file, or correct '
            'the order of the keypoints',
            where,
        )
    else:
        yield finding('note', f'{what}look at the first ones', where)


def _exchanged_pairs(
    sides: dict[str, np.ndarray], places: Sequence[str], split: str
) -> Iterator[Finding]:
    votes = {pair: _vote(pair, side) for pair, side in sides.items()}
    total = np.sum([*votes.values()], axis=0)
    for pair, vote in votes.items():
        told = (vote != 0) & (np.abs(total - vote) > 1)  # one voice more is chance
        wrong = told & (np.sign(total - vote) != vote)
        share = wrong.sum() / max(told.sum(), 1)
        if told.sum() >= ENOUGH and share > MOST:
            yield finding(
                'wrong',
                f'left_{pair} and right_{pair} are exchanged for {wrong.sum()} of '
                f'{told.sum()} people in {split} ({share:.0%}), compared with '
                'their other keypoints: exchange them in the file, or correct the '
                'order of the keypoints',
                [places[i] for i in np.flatnonzero(wrong).tolist()],
            )


def _vote(pair: str, side: np.ndarray) -> np.ndarray:
    # +1, -1, or 0 if the pair does not tell; eyes and ears are close together
    needed = CLEAR / 8 if pair in ('eye', 'ear') else CLEAR / 2
    return np.where(np.abs(np.nan_to_num(side)) > needed, np.sign(side), 0)


def _contradictions(
    sides: dict[str, np.ndarray], places: Sequence[str], split: str
) -> Iterator[Finding]:
    shoulder, hip = sides['shoulder'], sides['hip']
    told = (np.abs(shoulder) > CLEAR) & (np.abs(hip) > CLEAR)
    wrong = told & (np.sign(shoulder) != np.sign(hip))
    share = wrong.sum() / max(told.sum(), 1)
    if told.sum() >= ENOUGH and share > SOME:
        yield finding(
            'wrong' if share > MANY else 'note',
            f'the shoulders of {wrong.sum()} of {told.sum()} people in {split} '
            f'({share:.0%}) are seen from the front but their hips from behind, or the '
            'reverse: left and right are exchanged for one of them. Correct these '
            'annotations',
            [places[i] for i in np.flatnonzero(wrong).tolist()],
        )
