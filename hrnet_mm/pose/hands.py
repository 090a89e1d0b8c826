"""Data sets of hand keypoints that check their files and annotations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from mmpose.datasets.datasets import (
    CocoWholeBodyHandDataset,
    OneHand10KDataset,
    PanopticHand2DDataset,
    Rhd2DDataset,
)

from .datasets import CheckedPose, metainfo_of, register


class CheckedHands(CheckedPose):
    """Mixin for data sets of hand keypoints."""

    contents = 'hand with keypoints'
    thing = 'hand'


@register
class OneHand10k(CheckedHands, OneHand10KDataset):
    """OneHand10K, 21 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(OneHand10KDataset)
    environment = 'ONEHAND10K'
    source = (
        'OneHand10K is at https://www.yangangwang.com/papers/WANG-MCC-2018-10.html; '
        'configs/_base_/datasets/onehand10k_hands.py shows the layout.'
    )


@register
class Rhd2d(CheckedHands, Rhd2DDataset):
    """RHD, 21 keypoints of rendered hands, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(Rhd2DDataset)
    environment = 'RHD'
    source = (
        'RHD is at https://lmb.informatik.uni-freiburg.de/resources/datasets/'
        'RenderedHandposeDataset.en.html; '
        'configs/_base_/datasets/rhd2d_hands.py shows the layout.'
    )


@register
class PanopticHands(CheckedHands, PanopticHand2DDataset):
    """CMU Panoptic HandDB, 21 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(PanopticHand2DDataset)
    environment = 'PANOPTIC_HANDS'
    source = (
        'CMU Panoptic HandDB is at http://domedb.perception.cs.cmu.edu/handdb.html; '
        'configs/_base_/datasets/panoptic_hands.py shows the layout.'
    )

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | None:
        """Parse one annotation; the size of the head gets a row for its hand."""
        sample = super().parse_data_info(raw_data_info)
        if sample:  # InstanceData refuses MMPose's number
            sample['head_size'] = np.array([[sample['head_size']]])
        return sample


@register
class CocoWholeBodyHands(CheckedHands, CocoWholeBodyHandDataset):
    """The hands of COCO-WholeBody, 21 keypoints each, with checks of the files."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CocoWholeBodyHandDataset)
    environment = 'COCO'
    source = (
        'COCO-WholeBody is at https://github.com/jin-s13/COCO-WholeBody; '
        'configs/_base_/datasets/wholebody_hands.py shows the layout.'
    )
