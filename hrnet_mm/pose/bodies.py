"""Data sets of bodies beyond COCO: whole bodies, art, low light, videos, clothes."""

from __future__ import annotations

from typing import Any, ClassVar

from mmpose.datasets.datasets import (
    AicDataset,
    CocoWholeBodyDataset,
    DeepFashionDataset,
    ExlposeDataset,
    HalpeDataset,
    HumanArtDataset,
    MhpDataset,
    OCHumanDataset,
    PoseTrack18Dataset,
    UBody2dDataset,
)

from .datasets import CheckedPeople, CheckedPose, metainfo_of, register
from .keypoints import WHOLE_BODY


class CheckedWholeBodies(CheckedPeople):
    """Mixin for data in the format of COCO-WholeBody: keypoints in five fields."""

    keypoint_fields = WHOLE_BODY


@register
class CocoWholeBody(CheckedWholeBodies, CocoWholeBodyDataset):
    """COCO-WholeBody, 133 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CocoWholeBodyDataset)
    environment = 'COCO'
    source = (
        'The annotations of COCO-WholeBody are at '
        'https://github.com/jin-s13/COCO-WholeBody, the images are those of COCO 2017; '
        'configs/_base_/datasets/wholebody_pose.py shows the layout.'
    )


@register
class UBody(CheckedWholeBodies, UBody2dDataset):
    """UBody, 133 keypoints of people in videos, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(UBody2dDataset)
    environment = 'UBODY'
    source = (
        'UBody is at https://github.com/IDEA-Research/OSX; '
        'configs/_base_/datasets/ubody_pose.py shows the layout.'
    )


@register
class Halpe(CheckedPeople, HalpeDataset):
    """Halpe-FullBody, 136 keypoints of whole bodies, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(HalpeDataset)
    environment = 'HALPE'
    source = (
        'Halpe-FullBody is at https://github.com/Fang-Haoshu/Halpe-FullBody; '
        'configs/_base_/datasets/halpe_pose.py shows the layout.'
    )


@register
class OcHuman(CheckedPeople, OCHumanDataset):
    """OCHuman, people who hide each other, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(OCHumanDataset)
    environment = 'OCHUMAN'
    source = (
        'OCHuman is at https://github.com/liruilong940607/OCHumanApi; '
        'configs/_base_/datasets/ochuman_pose.py shows the layout.'
    )


@register
class Aic(CheckedPeople, AicDataset):
    """AI Challenger, 14 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(AicDataset)
    environment = 'AIC'
    source = (
        'AI Challenger is at https://github.com/AIChallenger/AI_Challenger_2017; '
        'configs/_base_/datasets/aic_pose.py shows the layout.'
    )


@register
class ExLPose(CheckedPeople, ExlposeDataset):
    """ExLPose, 14 keypoints in low light, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(ExlposeDataset)
    environment = 'EXLPOSE'
    source = (
        'ExLPose is at http://cg.postech.ac.kr/research/ExLPose; '
        'configs/_base_/datasets/exlpose_pose.py shows the layout.'
    )


@register
class HumanArt(CheckedPeople, HumanArtDataset):
    """Human-Art, people in art and photographs, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(HumanArtDataset)
    environment = 'HUMANART'
    source = (
        'Human-Art is at https://idea-research.github.io/HumanArt; '
        'configs/_base_/datasets/humanart_pose.py shows the layout.'
    )


@register
class Mhp(CheckedPeople, MhpDataset):
    """MHP v2, 16 keypoints of people in crowds, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(MhpDataset)
    environment = 'MHP'
    source = (
        'MHP is at https://lv-mhp.github.io/dataset; '
        'configs/_base_/datasets/mhp_bottomup.py shows the layout.'
    )


@register
class PoseTrack18(CheckedPeople, PoseTrack18Dataset):
    """PoseTrack18, people in frames of videos, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(PoseTrack18Dataset)
    environment = 'POSETRACK18'
    source = (
        'PoseTrack18 is at https://posetrack.net; '
        'configs/_base_/datasets/posetrack18_pose.py shows the layout.'
    )


@register
class DeepFashion(CheckedPose, DeepFashionDataset):
    """Landmarks of clothes of DeepFashion, with checks of the annotations."""

    contents = 'piece of clothing with landmarks'
    thing = 'piece of clothing'
    METAINFO: ClassVar[dict[str, Any]]
    environment = 'DEEPFASHION'
    source = (
        'DeepFashion is at http://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/'
        'LandmarkDetection.html; configs/_base_/datasets/deepfashion_pose.py shows the '
        'layout.'
    )

    @classmethod
    def _check_subset_and_metainfo(cls, subset: str = '') -> None:
        super()._check_subset_and_metainfo(subset)
        cls.METAINFO = metainfo_of(cls)
