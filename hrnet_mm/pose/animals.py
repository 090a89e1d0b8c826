"""Data sets of animal keypoints that check their files and annotations."""

from __future__ import annotations

from typing import Any, ClassVar

from mmpose.datasets.datasets import (
    AnimalKingdomDataset,
    AnimalPoseDataset,
    AP10KDataset,
    ATRWDataset,
    Horse10Dataset,
    MacaqueDataset,
)

from .datasets import CheckedPose, metainfo_of, register


class CheckedAnimals(CheckedPose):
    """Mixin for data sets of animal keypoints."""

    contents = 'animal with keypoints'
    thing = 'animal'


@register
class Ap10k(CheckedAnimals, AP10KDataset):
    """AP-10K, 17 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(AP10KDataset)
    environment = 'AP10K'
    source = (
        'AP-10K is at https://github.com/AlexTheBad/AP-10K; '
        'configs/_base_/datasets/ap10k_animals.py shows the layout.'
    )


@register
class AnimalPose(CheckedAnimals, AnimalPoseDataset):
    """Animal-Pose, 20 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(AnimalPoseDataset)
    environment = 'ANIMALPOSE'
    source = (
        'Animal-Pose is at https://sites.google.com/view/animal-pose; '
        'configs/_base_/datasets/animalpose_animals.py shows the layout.'
    )


@register
class AnimalKingdom(CheckedAnimals, AnimalKingdomDataset):
    """Animal Kingdom, 23 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(AnimalKingdomDataset)
    environment = 'ANIMAL_KINGDOM'
    source = (
        'Animal Kingdom is at https://sutdcv.github.io/Animal-Kingdom; '
        'configs/_base_/datasets/animalkingdom_animals.py shows the layout.'
    )


@register
class Horse10(CheckedAnimals, Horse10Dataset):
    """Horse-10, 22 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(Horse10Dataset)
    environment = 'HORSE10'
    source = (
        'Horse-10 is at http://www.mackenziemathislab.org/horse10; '
        'configs/_base_/datasets/horse10_animals.py shows the layout.'
    )


@register
class Atrw(CheckedAnimals, ATRWDataset):
    """ATRW, 15 keypoints of tigers, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(ATRWDataset)
    environment = 'ATRW'
    source = (
        'ATRW is at https://cvwc2019.github.io/challenge.html; '
        'configs/_base_/datasets/atrw_animals.py shows the layout.'
    )


@register
class Macaque(CheckedAnimals, MacaqueDataset):
    """MacaquePose, 17 keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(MacaqueDataset)
    environment = 'MACAQUE'
    source = (
        'MacaquePose is at http://www.pri.kyoto-u.ac.jp/datasets/macaquepose; '
        'configs/_base_/datasets/macaque_animals.py shows the layout.'
    )
