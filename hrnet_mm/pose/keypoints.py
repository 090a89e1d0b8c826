"""Descriptions of keypoints: the ``metainfo`` of a data set of MMPose."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import shortened

# What MMPose reads from the metainfo of keypoints.
DESCRIPTION = {
    'dataset_name', 'joint_weights', 'keypoint_info', 'sigmas', 'skeleton_info'
}  # fmt: skip


class NamedKeypoints(CheckedData):
    """Mixin for data sets of keypoints, whose ``metainfo`` names them.

    Raises:
        ValueError: also if the metainfo contradicts itself.
    """

    METAINFO: ClassVar[dict[str, Any]]

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        metainfo = {**(cls.METAINFO if metainfo is None else metainfo)}
        if Path(metainfo.get('from_file', '')).is_file():
            metainfo = {**Config.fromfile(metainfo['from_file']).dataset_info}
        for part in ('keypoint_info', 'skeleton_info'):
            if part in metainfo:
                # keys of a JSON file are strings, those of a dumped config 0, 1, 10, 2
                numbered = {int(k): v for k, v in metainfo[part].items()}
                metainfo[part] = {k: numbered[k] for k in sorted(numbered)}
        if 'from_file' not in metainfo:  # else MMPose looks for a file of that name
            check_description(metainfo)
        return super()._load_metainfo(metainfo)


def check_description(metainfo: dict[str, Any]) -> None:
    """Refuse a description of keypoints that lacks a part or contradicts itself.

    MMPose stops at a bare ``KeyError``, or mirrors and scores other keypoints.
    """
    missing = sorted(DESCRIPTION - set(metainfo))
    if missing:
        raise ValueError(
            f'the metainfo of a data set of keypoints lacks {", ".join(missing)}; '
            'docs/own_data.md, "Landmarks on your own data", shows a whole one'
        )
    where = f'the metainfo of {metainfo["dataset_name"]!r}'
    keypoints = metainfo['keypoint_info']
    number = len(keypoints)
    if [*keypoints] != [*range(number)]:
        raise ValueError(
            f'keypoint_info of {where} has {number} keypoints with the keys '
            f'{shortened([*map(str, keypoints)])}: number them 0 to {number - 1}, in '
            'the order of the annotations'
        )
    for key in ('joint_weights', 'sigmas'):
        given = len(metainfo[key])
        if given not in (0, number):
            raise ValueError(
                f'{where} has {number} keypoints and {given} {key}: write one for each '
                'keypoint'
            )
    swaps = {point['name']: point.get('swap') for point in keypoints.values()}
    if len(swaps) < number:
        raise ValueError(f'keypoint_info of {where} has the same name twice')
    ends = {f'swap of {name!r}': [swap] for name, swap in swaps.items() if swap}
    for key, link in metainfo['skeleton_info'].items():
        ends[f'skeleton_info[{key}].link'] = link['link']
    check_names(where, ends, [*swaps])
    check_swaps(where, swaps)


def check_names(where: str, ends: dict[str, list[str]], known: list[str]) -> None:
    """Every name stands for a keypoint."""
    for place, names in ends.items():
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f'{place} in {where} names {unknown[0]!r}, which is no keypoint: its '
                f'keypoints are {shortened(known)}'
            )


def check_swaps(where: str, swaps: dict[str, str | None]) -> None:
    """A mirror exchanges two keypoints, each for the other."""
    for name, swap in swaps.items():
        if swap and (swaps[swap] or swap) != name:
            raise ValueError(
                f'swap of {name!r} in {where} is {swap!r}, and swap of {swap!r} is '
                f'{swaps[swap]!r}: a mirror exchanges two keypoints, so set swap of '
                f'{swap!r} to {name!r}'
            )
