"""Data sets of faces beyond WFLW, 300W, COFW and AFLW."""

from __future__ import annotations

from typing import Any, ClassVar

from mmpose.datasets.datasets import CocoWholeBodyFaceDataset, Face300WLPDataset

from .datasets import CheckedFaces, metainfo_of, register


@register
class CocoWholeBodyFaces(CheckedFaces, CocoWholeBodyFaceDataset):
    """Faces of COCO-WholeBody, 68 landmarks, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(CocoWholeBodyFaceDataset)
    keypoint_fields = ('face_kpts',)
    environment = 'COCO'
    source = (
        'The annotations of COCO-WholeBody are at '
        'https://github.com/jin-s13/COCO-WholeBody, the images are those of COCO 2017; '
        'configs/_base_/datasets/wholebody_faces.py shows the layout.'
    )

    @classmethod
    def with_described_keypoints(cls, annotation: dict[str, Any]) -> dict[str, Any]:
        """Return an annotation with landmarks and box of the face only."""
        face = super().with_described_keypoints(annotation)
        visible = face['keypoints'][2::3] if face.get('face_valid') else []
        face['num_keypoints'] = sum(it > 0 for it in visible)
        del face['bbox']
        return face | ({'bbox': face['face_box']} if 'face_box' in face else {})

    def _why_left_out(self, annotation: dict[str, Any]) -> str | None:
        if annotation['face_valid'] and max(annotation['face_kpts']) > 0:
            return None
        return 'without a labelled face'


@register
class Faces300WLP(CheckedFaces, Face300WLPDataset):
    """300W-LP, 68 face landmarks in large poses, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = metainfo_of(Face300WLPDataset)
    environment = 'FACES_300WLP'
    source = (
        '300W-LP is at http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA; '
        'configs/_base_/datasets/300wlp_faces.py shows the layout.'
    )
