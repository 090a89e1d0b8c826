"""Checks of keypoint descriptions: the ``metainfo`` of MMPose's data sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config
from mmengine.dataset import BaseDataset

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import shortened

# Keys that MMPose reads from the metainfo of keypoints.
REQUIRED_KEYS = {
    'dataset_name', 'joint_weights', 'keypoint_info', 'sigmas', 'skeleton_info'
}  # fmt: skip

# Fields of an annotation of COCO-WholeBody: 17, 6, 68, 21 and 21 keypoints.
WHOLE_BODY = (
    'keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts'
)  # fmt: skip


def count_keypoints(annotation: dict[str, Any], fields: Iterable[str]) -> int:
    """Return the number of keypoints in the fields of an annotation."""
    return sum(len(annotation.get(field) or ()) for field in fields) // 3


class NamedKeypoints(CheckedData):
    """Mixin for keypoint data sets that checks their ``metainfo``.

    Raises:
        ValueError: If the metainfo lacks a key or contradicts itself.
    """

    METAINFO: ClassVar[dict[str, Any]]
    _described: dict[str, Any] | None = None

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample; all samples share what the metainfo adds to them.

        MMPose copies these lists of names and keypoints for each sample.
        """
        sample = BaseDataset.get_data_info(self, idx)
        if self._described is None:
            described = super().get_data_info(idx)  # type: ignore[misc]
            self._described = {
                key: value for key, value in described.items() if key not in sample
            }
        return sample | self._described

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        metainfo = {**(cls.METAINFO if metainfo is None else metainfo)}
        if Path(metainfo.get('from_file', '')).is_file():
            metainfo = {**Config.fromfile(metainfo['from_file']).dataset_info}
        for part in ('keypoint_info', 'skeleton_info'):
            if part in metainfo:
                # JSON files have strings as keys, and dumped configs the order 0, 1, 10
                numbered = {int(k): v for k, v in metainfo[part].items()}
                metainfo[part] = {k: numbered[k] for k in sorted(numbered)}
        if 'from_file' not in metainfo:  # else MMPose loads that file
            _check_description(metainfo)
        return super()._load_metainfo(metainfo)


def _check_description(metainfo: dict[str, Any]) -> None:
    # Without these checks MMPose raises a bare KeyError, or flips and scores wrong
    # keypoints.
    missing = sorted(REQUIRED_KEYS - set(metainfo))
    if missing:
        raise ValueError(
            f'the metainfo of a keypoint data set lacks {", ".join(missing)}; '
            'docs/own_data.md, "Landmarks on your own data", has an example'
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
                f'{where} has {number} keypoints but {given} {key}: give one for each '
                'keypoint'
            )
    swaps = {point['name']: point.get('swap') for point in keypoints.values()}
    if len(swaps) < number:
        raise ValueError(
            f'keypoint_info of {where} has a duplicate name: give each keypoint its own'
        )
    ends = {f'swap of {name!r}': [swap] for name, swap in swaps.items() if swap}
    for key, link in metainfo['skeleton_info'].items():
        ends[f'skeleton_info[{key}].link'] = link['link']
    _check_names(where, ends, [*swaps])
    _check_swaps(where, swaps)


def _check_names(where: str, ends: dict[str, list[str]], known: list[str]) -> None:
    for entry, names in ends.items():
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f'{entry} in {where} is {unknown[0]!r}, which is not a keypoint. '
                f'Its keypoints are {shortened(known)}'
            )


def _check_swaps(where: str, swaps: dict[str, str | None]) -> None:
    for name, swap in swaps.items():
        if swap and (swaps[swap] or swap) != name:
            raise ValueError(
                f'swap of {name!r} in {where} is {swap!r}, but swap of {swap!r} is '
                f'{swaps[swap]!r}: flipping exchanges two keypoints, so set swap of '
                f'{swap!r} to {name!r}'
            )
