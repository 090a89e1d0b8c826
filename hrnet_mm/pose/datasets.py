"""MMPose's data sets, which say what is wrong with the data before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

import mmpose
import numpy as np
from mmpose import registry
from mmpose.datasets.datasets import (
    AFLWDataset,
    BaseCocoStyleDataset,
    CocoDataset,
    COFWDataset,
    CrowdPoseDataset,
    Face300WDataset,
    MpiiDataset,
    WFLWDataset,
)

from hrnet_mm.datasets.checked import CheckedCoco
from hrnet_mm.registry import DATASETS
from hrnet_mm.tiny_people.figure import FACE
from hrnet_mm.tiny_people.skeleton import KEYPOINTS

from .keypoints import NamedKeypoints

PERSON = 'person with a box and visible joints'
Dataset = TypeVar('Dataset', bound=type[BaseCocoStyleDataset])


def register(dataset: Dataset) -> Dataset:
    """Register a data set here, and in mmpose under the name that configs give it.

    ``MultiDatasetEvaluator`` looks that name up in mmpose alone, as it is written.
    """
    name = f'{DATASETS.scope}.{dataset.__name__}'
    registry.DATASETS.register_module(name=name, module=dataset)
    DATASETS.register_module(module=dataset)
    return dataset


def joints_of(dataset: type[BaseCocoStyleDataset]) -> dict[str, str]:
    """Its METAINFO with a path that exists everywhere; mmpose's warns in any folder."""
    file = Path(mmpose.__file__).parent / '.mim' / dataset.METAINFO['from_file']
    return dict(from_file=str(file)) if file.is_file() else dataset.METAINFO


class CheckedPose(NamedKeypoints, CheckedCoco):
    """Mixin for data sets of keypoints in the format of COCO.

    Raises:
        ValueError: also if an annotation has another number of keypoints than the
            metainfo describes.
    """

    metainfo: dict[str, Any]

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | None:
        """One annotation; None if it has no box or no keypoints."""
        image, annotation = raw_data_info['raw_img_info'], raw_data_info['raw_ann_info']
        place = f'annotation {annotation["id"]} of {image["file_name"]}'
        described = self.metainfo['num_keypoints']
        number = len(annotation.get('keypoints', ())) // 3
        if number not in (0, described):
            raise ValueError(
                f'{place} in {self.given_file} has {number} keypoints, and the '
                f'metainfo of {type(self).__name__} describes {described}: set '
                'metainfo=dict(from_file=...) of the data set, and out_channels of the '
                'head'
            )
        annotation.setdefault('segmentation', [])  # one list is made of those
        self._number += 1
        self._sizes[image['id']] = (image['width'], image['height'])
        if reason := self._why_left_out(annotation):
            self._left_out.setdefault(reason, []).append(place)
        return super().parse_data_info(raw_data_info)  # type: ignore[misc]

    def _why_left_out(self, annotation: dict[str, Any]) -> str | None:
        """Why MMPose does not show an annotation to the model; None if it does."""
        return None


class CheckedPeople(CheckedPose):
    """What the data sets of people have in common."""

    contents = PERSON
    thing = 'annotation'

    def _why_left_out(self, annotation: dict[str, Any]) -> str | None:
        if annotation['iscrowd']:
            return 'of a crowd'
        if 'bbox' not in annotation:
            return 'without a box'
        if not annotation.get('num_keypoints'):
            return 'without visible keypoints'
        if min(annotation['bbox'][2:]) <= 0:
            return 'with a box of no size'
        return None


@register
class CocoPose(CheckedPeople, CocoDataset):
    """COCO keypoints, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(CocoDataset)
    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_pose.py shows the layout and where the detections are from '
        '(dataset.bbox_file=None tests on the true boxes).'
    )


@register
class MpiiPose(NamedKeypoints, MpiiDataset):
    """MPII human pose, which has a format of its own, checked."""

    contents = PERSON

    METAINFO: ClassVar[dict[str, Any]] = joints_of(MpiiDataset)
    environment = 'MPII'
    source = (
        'MPII is at http://human-pose.mpi-inf.mpg.de; configs/_base_/datasets/'
        'mpii_pose.py shows the layout.'
    )


@register
class CrowdPose(CheckedPeople, CrowdPoseDataset):
    """CrowdPose, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(CrowdPoseDataset)
    environment = 'CROWDPOSE'
    source = (
        'CrowdPose is at https://github.com/Jeff-sjtu/CrowdPose; '
        'configs/_base_/datasets/crowdpose.py shows the layout.'
    )


class CheckedFaces(CheckedPose):
    """What the data sets of faces have in common."""

    contents = 'face with landmarks'
    thing = 'face'


@register
class Wflw(CheckedFaces, WFLWDataset):
    """WFLW, 98 landmarks of faces, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(WFLWDataset)
    environment = 'WFLW'
    source = (
        'WFLW is at https://wywu.github.io/projects/LAB/WFLW.html; '
        'configs/_base_/datasets/wflw.py shows the layout.'
    )


@register
class Faces300W(CheckedFaces, Face300WDataset):
    """300W, 68 landmarks of faces, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(Face300WDataset)
    environment = 'FACES_300W'
    source = (
        '300W is at https://ibug.doc.ic.ac.uk/resources/300-W; '
        'configs/_base_/datasets/300w.py shows the layout.'
    )


@register
class Cofw(CheckedFaces, COFWDataset):
    """COFW, 29 landmarks of faces, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(COFWDataset)
    environment = 'COFW'
    source = (
        'COFW is at http://www.vision.caltech.edu/xpburgos/ICCV13; '
        'configs/_base_/datasets/cofw.py shows the layout.'
    )


@register
class Aflw(CheckedFaces, AFLWDataset):
    """AFLW, 19 landmarks of faces, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(AFLWDataset)
    environment = 'AFLW'
    source = (
        'AFLW is at https://www.tugraz.at/institute/icg/research/team-bischof/lrs/'
        'downloads/aflw; configs/_base_/datasets/aflw.py shows the layout.'
    )


@register
class TinyPose(CheckedPeople, CocoDataset):
    """TinyPeople's keypoints, checked."""

    METAINFO: ClassVar[dict[str, Any]] = joints_of(CocoDataset)
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'


@register
class TinyCrowd(TinyPose):
    """TinyPeople's keypoints in crowds, checked."""

    environment = 'TINY_CROWD'
    source = '`hrnet-mm tiny-people --crowd FOLDER` draws it.'


def other_side(name: str) -> str:
    """The name of the joint that a mirror shows; empty for one in the middle."""
    for a, b in (('left', 'right'), ('right', 'left')):
        if name.startswith(a):
            return name.replace(a, b)
    return ''


@register
class TinyHeads(CheckedFaces, CocoDataset):
    """Five landmarks of the heads in TinyPeople that show all of them, checked.

    Nose, eyes and ears; the box is a square around them, ``MARGIN`` times as large as
    the ears are apart.
    """

    MARGIN = 1.6
    METAINFO: ClassVar[dict[str, Any]] = dict(
        dataset_name='tiny_heads',
        keypoint_info={
            i: dict(name=name, id=i, color=[51, 153, 255], swap=other_side(name))
            for i, name in enumerate(KEYPOINTS[:FACE])
        },
        skeleton_info={},
        joint_weights=[1.0] * FACE,
        sigmas=[],
    )
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | None:
        """The head of a person; None if a landmark of it is not labelled."""
        person = raw_data_info['raw_ann_info']
        landmarks = np.reshape(person['keypoints'], (-1, 3))[:FACE]
        if not landmarks[:, 2].all():
            return None
        ears = landmarks[3:, :2]
        side = self.MARGIN * np.linalg.norm(ears[0] - ears[1])
        head = dict(
            person,
            keypoints=landmarks.ravel().tolist(),
            num_keypoints=FACE,
            bbox=[*(ears.mean(axis=0) - side / 2), side, side],
        )
        return super().parse_data_info(dict(raw_data_info, raw_ann_info=head))
