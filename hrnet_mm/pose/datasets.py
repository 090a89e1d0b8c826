"""Data sets of MMPose that check their files and annotations before training."""

from __future__ import annotations

from itertools import chain
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
from hrnet_mm.datasets.coco_rules import why_person_skipped
from hrnet_mm.registry import DATASETS
from hrnet_mm.tiny_people.figure import FACE
from hrnet_mm.tiny_people.skeleton import KEYPOINTS

from .keypoints import NamedKeypoints, count_keypoints

PERSON = 'person with a box and visible keypoints'
Dataset = TypeVar('Dataset', bound=type[BaseCocoStyleDataset])


def register(dataset: Dataset) -> Dataset:
    """Register a data set in hrnet_mm, and in mmpose under its name with the scope.

    ``MultiDatasetEvaluator`` looks up the name of configs, ``hrnet_mm.X``, in mmpose's
    registry only.
    """
    name = f'{DATASETS.scope}.{dataset.__name__}'
    registry.DATASETS.register_module(name=name, module=dataset)
    DATASETS.register_module(module=dataset)
    return dataset


def metainfo_of(dataset: type[BaseCocoStyleDataset]) -> dict[str, str]:
    """Return the metainfo of a data set of mmpose, with the path of the installed file.

    mmpose's relative path exists in its own repository only, and warns elsewhere.
    """
    file = Path(mmpose.__file__).parent / '.mim' / dataset.METAINFO['from_file']
    return dict(from_file=str(file)) if file.is_file() else dataset.METAINFO


class _Annotation(dict):
    # MMPose copies each annotation, all coordinates of its outline, for its sample. The
    # data set serializes its samples, so that these share nothing anyway.

    def __deepcopy__(self, memo: Any) -> dict[str, Any]:
        return self


class CheckedPose(NamedKeypoints, CheckedCoco):
    """Mixin for keypoint data sets in COCO format.

    Raises:
        ValueError: If an annotation has another number of keypoints than the metainfo.

    Attributes:
        keypoint_fields: Fields of an annotation with keypoints, in the order of the
            metainfo.
        keypoints_as_stored: Whether the metainfo describes ``keypoint_fields``.
    """

    keypoint_fields: ClassVar[tuple[str, ...]] = ('keypoints',)
    keypoints_as_stored: ClassVar[bool] = True
    _metainfo: dict[str, Any]

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | None:
        """Parse one annotation; return None if it has no box or no keypoints."""
        image, annotation = raw_data_info['raw_img_info'], raw_data_info['raw_ann_info']
        where = f'annotation {annotation["id"]} of {image["file_name"]}'
        described = self._metainfo['num_keypoints']  # `metainfo` copies all of it
        number = count_keypoints(annotation, self.keypoint_fields)
        if number not in (0, described):
            raise ValueError(
                f'{where} in {self.given_file} has {number} keypoints, but the '
                f'metainfo of {type(self).__name__} describes {described}: set '
                'metainfo=dict(from_file=...) of the data set, and out_channels of the '
                'head'
            )
        annotation.setdefault('segmentation', [])  # mmpose reads it without a default
        self._number += 1
        self._sizes[image['id']] = (image['width'], image['height'])
        if reason := self._why_left_out(annotation):
            self._left_out.setdefault(reason, []).append(where)
        once = dict(raw_data_info, raw_ann_info=_Annotation(annotation))
        parsed = super().parse_data_info(once)  # type: ignore[misc]
        if parsed and 'raw_ann_info' in parsed:
            parsed['raw_ann_info'] = annotation
        return parsed

    @classmethod
    def with_described_keypoints(cls, annotation: dict[str, Any]) -> dict[str, Any]:
        """Return an annotation with the keypoints of the metainfo in ``keypoints``."""
        fields = cls.keypoint_fields
        if fields == ('keypoints',):
            return annotation
        parts = [annotation.get(field) or [] for field in fields]
        return dict(annotation, keypoints=[*chain.from_iterable(parts)])

    def _why_left_out(self, annotation: dict[str, Any]) -> str | None:
        """Return why MMPose skips an annotation, or None if it does not."""
        return None


class CheckedPeople(CheckedPose):
    """Mixin for data sets of human keypoints."""

    contents = PERSON
    thing = 'annotation'

    def _why_left_out(self, annotation: dict[str, Any]) -> str | None:
        return why_person_skipped(annotation)


@register
class CocoPose(CheckedPeople, CocoDataset):
    """COCO keypoints, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CocoDataset)
    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_pose.py shows the layout and where the detections are from '
        '(dataset.bbox_file=None tests on the true boxes).'
    )


@register
class MpiiPose(NamedKeypoints, MpiiDataset):
    """MPII human pose, in its own format, with checks of the annotations."""

    contents = PERSON

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(MpiiDataset)
    environment = 'MPII'
    source = (
        'MPII is at http://human-pose.mpi-inf.mpg.de; configs/_base_/datasets/'
        'mpii_pose.py shows the layout.'
    )


@register
class CrowdPose(CheckedPeople, CrowdPoseDataset):
    """CrowdPose, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CrowdPoseDataset)
    environment = 'CROWDPOSE'
    source = (
        'CrowdPose is at https://github.com/Jeff-sjtu/CrowdPose; '
        'configs/_base_/datasets/crowdpose_512.py shows the layout.'
    )


class CheckedFaces(CheckedPose):
    """Mixin for data sets of face landmarks."""

    contents = 'face with landmarks'
    thing = 'face'


@register
class Wflw(CheckedFaces, WFLWDataset):
    """WFLW, 98 face landmarks, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(WFLWDataset)
    environment = 'WFLW'
    source = (
        'WFLW is at https://wywu.github.io/projects/LAB/WFLW.html; '
        'configs/_base_/datasets/wflw_faces.py shows the layout.'
    )


@register
class Faces300W(CheckedFaces, Face300WDataset):
    """300W, 68 face landmarks, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(Face300WDataset)
    environment = 'FACES_300W'
    source = (
        '300W is at https://ibug.doc.ic.ac.uk/resources/300-W; '
        'configs/_base_/datasets/300w_faces.py shows the layout.'
    )


@register
class Cofw(CheckedFaces, COFWDataset):
    """COFW, 29 face landmarks, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(COFWDataset)
    environment = 'COFW'
    source = (
        'COFW is at http://www.vision.caltech.edu/xpburgos/ICCV13; '
        'configs/_base_/datasets/cofw_faces.py shows the layout.'
    )


@register
class Aflw(CheckedFaces, AFLWDataset):
    """AFLW, 19 face landmarks, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(AFLWDataset)
    environment = 'AFLW'
    source = (
        'AFLW is at https://www.tugraz.at/institute/icg/research/team-bischof/lrs/'
        'downloads/aflw; configs/_base_/datasets/aflw_faces.py shows the layout.'
    )


@register
class TinyPose(CheckedPeople, CocoDataset):
    """Keypoints of TinyPeople, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CocoDataset)
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'


@register
class TinyCrowd(TinyPose):
    """Keypoints of TinyPeople's crowds, with checks of the annotations."""

    environment = 'TINY_CROWD'
    source = '`hrnet-mm tiny-people --crowd FOLDER` draws it.'


def _flipped_name(name: str) -> str:
    # 'left_ear' -> 'right_ear', 'nose' -> ''
    for a, b in (('left', 'right'), ('right', 'left')):
        if name.startswith(a):
            return name.replace(a, b)
    return ''


@register
class TinyHeads(CheckedFaces, CocoDataset):
    """Face landmarks of TinyPeople: nose, eyes and ears.

    Skips heads with an unlabelled landmark. The box is a square around the ears, with
    sides of ``MARGIN`` times their distance.
    """

    MARGIN = 1.6
    keypoints_as_stored = False  # it has all keypoints of people
    METAINFO: ClassVar[dict[str, Any]] = dict(
        dataset_name='tiny_heads',
        keypoint_info={
            i: dict(name=name, id=i, color=[51, 153, 255], swap=_flipped_name(name))
            for i, name in enumerate(KEYPOINTS[:FACE])
        },
        skeleton_info={},
        joint_weights=[1.0] * FACE,
        sigmas=[],
    )
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any] | None:
        """Parse the head of one person; return None if a landmark is not labelled."""
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
