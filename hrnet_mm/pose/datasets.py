"""MMPose's data sets, which say what is wrong with the data before the first step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmpose.datasets.datasets import CocoDataset, MpiiDataset

from hrnet_mm.registry import DATASETS


class CheckedData:
    """Mixin: files that are missing, empty or without people are named.

    Raises:
        FileNotFoundError: if an annotation, detection or image folder is missing.
        ValueError: if nothing in the annotations can be trained or tested on, or an
            image cannot be read.
    """

    environment: str  # the variable that the configs read the data root from
    source: str  # where the data comes from

    # of the data set that this is mixed into
    ann_file: str
    data_root: str
    data_prefix: dict[str, str]
    optional = ('bbox_file', 'headbox_file')

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples, after a look at the files they come from."""
        needed: list[str | None] = [self.ann_file, self.data_prefix['img']]
        needed += [getattr(self, name, None) for name in self.optional]
        missing = [path for path in needed if path and not os.path.exists(path)]
        if missing:
            raise FileNotFoundError(
                f'{type(self).__name__} finds no {" and no ".join(missing)} '
                f'(in {Path.cwd()}). {self.source} Put it where '
                f'data_root={self.data_root!r} points, or set '
                f'{self.environment}=FOLDER in the environment.'
            )
        samples = super().load_data_list()  # type: ignore[misc]
        if not samples:
            raise ValueError(
                f'{self.ann_file} holds no person with a box and visible joints: '
                'there is nothing to train or test on.'
            )
        return samples

    def prepare_data(self, idx: int) -> Any:
        """One sample; an image that cannot be read is named with its reason."""
        try:
            return super().prepare_data(idx)  # type: ignore[misc]
        except Exception as error:
            path = self.get_data_info(idx)['img_path']  # type: ignore[attr-defined]
            reason = why_unreadable(path)
            if reason is None:
                raise
            raise ValueError(
                f'image {path} of {self.ann_file} {reason}: '
                'copy it again, or take it out of the annotations.'
            ) from error


def why_unreadable(path: str) -> str | None:
    """What is wrong with an image file; None if it decodes."""
    import cv2

    if not os.path.isfile(path):
        return 'does not exist'
    if os.path.getsize(path) == 0:
        return 'is empty (0 bytes)'
    if cv2.imread(path) is None:
        return f'is no image that OpenCV can read ({os.path.getsize(path)} bytes)'
    return None


@DATASETS.register_module()
class CocoPose(CheckedData, CocoDataset):
    """COCO keypoints, checked."""

    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_pose.py shows the layout and where the detections are from '
        '(dataset.bbox_file=None tests on the true boxes).'
    )


@DATASETS.register_module()
class MpiiPose(CheckedData, MpiiDataset):
    """MPII human pose, checked."""

    environment = 'MPII'
    source = (
        'MPII is at http://human-pose.mpi-inf.mpg.de; configs/_base_/datasets/'
        'mpii_pose.py shows the layout.'
    )


@DATASETS.register_module()
class TinyPose(CheckedData, CocoDataset):
    """TinyPeople's keypoints, checked."""

    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
