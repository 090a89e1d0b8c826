"""Descriptions of keypoints: MMPose's ``metainfo``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hrnet_mm.datasets.metainfo import names_of

from .code import to_code
from .collection import Collection

SIGMA = 0.05
MIRRORED = (('left', 'right'), ('Left', 'Right'), ('LEFT', 'RIGHT'))
SIDES = re.compile(r'(?<![A-Za-z])([lrLR])(?![A-Za-z])')  # l_eye, eye_R, eye-l
OPPOSITE = dict(zip('lrLR', 'rlRL', strict=True))


@dataclass
class Joints:
    """Keypoints as MMPose needs them.

    Args:
        names: Their names, in the order of the annotations.
        swaps: For each side the name that it becomes when the image is flipped.
        links: Pairs of names: the skeleton.
        sigmas: For each keypoint how far annotators differ, relative to the object;
            empty if the score of the base does not need them.
        dataset_name: MMPose chooses the normalization of NME by it.
        reasons: How swaps and sigmas were found, for the user.
    """

    names: list[str]
    swaps: dict[str, str]
    links: list[tuple[str, str]]
    sigmas: list[float]
    dataset_name: str = 'mine'
    reasons: dict[str, str] = field(default_factory=dict)


def joints_of_metainfo(metainfo: Mapping[str, Any]) -> Joints:
    """Return the keypoints of a data set of MMPose."""
    names = names_of(metainfo)
    flips = metainfo['flip_indices']
    return Joints(
        names,
        {names[i]: names[j] for i, j in enumerate(flips) if i != j},
        [(names[a], names[b]) for a, b in metainfo['skeleton_links']],
        [float(value) for value in metainfo['sigmas']],
        metainfo['dataset_name'],
    )


def joints_of_collection(collection: Collection, known: Joints) -> Joints:
    """Return the keypoints of a collection.

    Args:
        collection: Images with keypoints.
        known: Keypoints whose sigmas are used for the same names.
    """
    names = collection.keypoints
    category = next(c for c in collection.categories.values() if c.get('keypoints'))
    links = [(names[a - 1], names[b - 1]) for a, b in category.get('skeleton') or ()]
    swaps, why = collection.swaps, 'flip_idx of the data set'
    if not swaps:
        swaps, why = find_swaps(names), 'names of a left and a right keypoint'
    if not swaps:
        why = (
            'no names with left and right. If the keypoints have sides, write them '
            'into joints.py'
        )
    sigmas = dict(zip(known.names, known.sigmas, strict=False))
    same = sum(name in sigmas for name in names)
    return Joints(
        names,
        swaps,
        links,
        [sigmas.get(name, SIGMA) for name in names],
        reasons=dict(
            swaps=why,
            sigmas=f'{same} have names of the base and its values; the others {SIGMA}, '
            'between those of eyes (0.025) and hips (0.107) in COCO',
        ),
    )


def find_swaps(names: Sequence[str]) -> dict[str, str]:
    """Find for each keypoint on one side the one on the other, from their names."""
    found = {}
    for name in names:
        other = _other_side(name)
        if other != name and other in names:
            found[name] = other
    return found


def _other_side(name: str) -> str:
    for left, right in MIRRORED:
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return SIDES.sub(lambda match: OPPOSITE[match[1]], name)


def joints_file(joints: Joints) -> str:
    """Return the text of ``joints.py``."""
    lines = [
        '"""The keypoints, in the order of the annotations, as MMPose reads them.\n'
    ]
    lines += [
        'swap: what a keypoint becomes in a flipped image. sigmas: how far annotators',
        'differ, relative to the size of the object; only the score AP uses them.',
        '"""\n',
        'names = {  # name: swap',
        *(
            f'    {to_code(name)}: {to_code(joints.swaps.get(name, ""))},'
            for name in joints.names
        ),
        '}',
        'links = [',
        *(f'    ({to_code(a)}, {to_code(b)}),' for a, b in joints.links),
        ']',
        'sigmas = [',
        *(
            f'    {sigma!r},  # {to_code(name)}'
            for name, sigma in zip(joints.names, joints.sigmas, strict=False)
        ),
        ']',
        'dataset_info = dict(',
        f'    dataset_name={to_code(joints.dataset_name)},',
        '    keypoint_info={',
        '        i: dict(name=name, id=i, color=[51, 153, 255], swap=names[name])',
        '        for i, name in enumerate(names)',
        '    },',
        '    skeleton_info={',
        '        i: dict(link=link, id=i, color=[0, 255, 0])',
        '        for i, link in enumerate(links)',
        '    },',
        '    joint_weights=[1.0] * len(names),',
        '    sigmas=sigmas,',
        ')',
    ]
    return '\n'.join(lines) + '\n'
