"""Data sets of faces: WIDER FACE and TinyPeople, and the crops to train on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.datasets import CocoDataset
from mmengine.fileio import get_text

from hrnet_mm.datasets.annotations import AnnotationError, read_json
from hrnet_mm.registry import DATASETS, TRANSFORMS
from hrnet_mm.tiny_people.skeleton import KEYPOINTS

from .datasets import CheckedObjects, TinyDet

FACES: dict[str, Any] = dict(classes=('face',), palette=[(0, 255, 0)])
CATEGORIES = [dict(id=1, name='face')]
# of a face in wider_face_*_bbx_gt.txt; the readme of wider_face_split describes them
FIELDS = (
    'x', 'y', 'width', 'height', 'blur', 'expression', 'illumination', 'invalid',
    'occlusion', 'pose',
)  # fmt: skip


def read_wider_face(
    file: str, backend_args: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the content of a text file of WIDER FACE in COCO format.

    For each image, the file has a line with the path, a line with the number of faces,
    and a line with ten numbers for each face. An image without faces has one line of
    zeros. Faces that are marked invalid become crowds, which are neither trained nor
    background.

    Args:
        file: ``wider_face_train_bbx_gt.txt`` or ``wider_face_val_bbx_gt.txt`` of
            wider_face_split.zip.
        backend_args: Arguments of mmengine's file functions.

    Raises:
        AnnotationError: If the file has another format.
    """
    try:
        lines = get_text(file, backend_args=backend_args).splitlines()
    except (UnicodeDecodeError, IsADirectoryError):
        raise AnnotationError(
            f'{file} is no text file: ann_file of WiderFace is '
            'wider_face_train_bbx_gt.txt or wider_face_val_bbx_gt.txt'
        ) from None
    images: list[dict[str, Any]] = []
    faces: list[dict[str, Any]] = []
    for name, rows in _split_images(lines, file):
        images.append(dict(id=len(images) + 1, file_name=name))
        for *box, invalid in rows:
            faces.append(
                dict(
                    id=len(faces) + 1,
                    image_id=len(images),
                    category_id=1,
                    bbox=box,
                    area=box[2] * box[3],
                    iscrowd=invalid,
                )
            )
    return dict(images=images, annotations=faces, categories=CATEGORIES)


def _split_images(
    lines: Sequence[str], file: str
) -> Iterator[tuple[str, list[list[int]]]]:
    # the path of each image, and x, y, width, height, invalid of its faces
    numbered = [(i, line.strip()) for i, line in enumerate(lines, 1) if line.strip()]
    position = 0
    while position < len(numbered):
        number, name = numbered[position]
        if '/' not in name:
            raise AnnotationError(
                f'line {number} of {file} is {name!r}, not the path of an image, such '
                'as 0--Parade/0_Parade_marchingband_1_849.jpg: use '
                'wider_face_{train,val}_bbx_gt.txt as published'
            )
        _, count = _next(numbered, position + 1, file, f'the number of faces of {name}')
        if not count.isdecimal():
            raise AnnotationError(
                f'{file} has {count!r} below {name}, not its number of faces'
            )
        position += 2
        faces = [
            _read_face(*_next(numbered, position + i, file, f'faces of {name}'), file)
            for i in range(int(count))
        ]
        position += len(faces)
        if not faces and numbered[position : position + 1]:  # the line of zeros
            position += '/' not in numbered[position][1]
        yield name, faces


def _next(
    numbered: Sequence[tuple[int, str]], position: int, file: str, what: str
) -> tuple[int, str]:
    if position >= len(numbered):
        raise AnnotationError(f'{file} ends before {what}: download it again')
    return numbered[position]


def _read_face(number: int, line: str, file: str) -> list[int]:
    try:
        values = [int(value) for value in line.split()]
        face = dict(zip(FIELDS, values, strict=True))
    except ValueError:
        raise AnnotationError(
            f'line {number} of {file} is {line!r}, not {len(FIELDS)} integers of a '
            f'face: {", ".join(FIELDS)}'
        ) from None
    return [face[name] for name in (*FIELDS[:4], 'invalid')]


@DATASETS.register_module()
class WiderFace(CheckedObjects, CocoDataset):
    """WIDER FACE from its text files, with checks of the annotations.

    As in MMDetection's ``WIDERFaceDataset``, which reads a converted XML file for each
    image, ``filter_cfg=dict(bbox_min_size=N)`` ignores faces narrower or lower than N
    pixels in training: they are neither trained nor background. Yang et al., CVPR 2016.
    """

    METAINFO: ClassVar[dict[str, Any]] = FACES
    reader = staticmethod(read_wider_face)
    thing = 'face'
    environment = 'WIDER_FACE'
    source = (
        'WIDER FACE is at http://shuoyang1213.me/WIDERFACE; '
        'configs/_base_/datasets/wider_face.py shows the layout.'
    )

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """Check and parse the faces of one image."""
        sample = super().parse_data_info(raw_data_info)
        smallest = (self.filter_cfg or {}).get('bbox_min_size', 0)
        for face in sample['instances']:
            x1, y1, x2, y2 = face['bbox']
            if min(x2 - x1, y2 - y1) < smallest and not face['ignore_flag']:
                face['ignore_flag'] = 1
                reason = f'smaller than {smallest} pixels, which the losses ignore'
                place = f'a face of {raw_data_info["raw_img_info"]["file_name"]}'
                self._left_out.setdefault(reason, []).append(place)
        return sample


def read_tiny_faces(
    file: str, backend_args: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the faces in a file of TinyPeople in COCO format.

    A person has a face if nose and eyes are labelled. The box is a square around their
    centre, as wide as four times the distance of the eyes, inside the image.
    """
    content = read_json(file, backend_args)
    sizes = {it['id']: (it['width'], it['height']) for it in content['images']}
    faces = []
    for person in content['annotations']:
        if box := _face_box(person['keypoints'], sizes[person['image_id']]):
            entry = dict(bbox=box, area=box[2] * box[3], iscrowd=0, category_id=1)
            faces.append({key: person[key] for key in ('id', 'image_id')} | entry)
    return dict(images=content['images'], annotations=faces, categories=CATEGORIES)


def _face_box(keypoints: Sequence[float], size: tuple[int, int]) -> list[float] | None:
    points = np.reshape(keypoints, (-1, 3))
    face = [KEYPOINTS.index(name) for name in ('nose', 'left_eye', 'right_eye')]
    if not points[face, 2].all():
        return None
    _, left, right = points[face, :2]
    centre, half = points[face, :2].mean(axis=0), 2 * np.linalg.norm(left - right)
    low, high = (np.clip(centre + it, 0, size) for it in (-half, half))
    width, height = high - low
    return [*low.tolist(), width.item(), height.item()] if half > 0 else None


@DATASETS.register_module()
class TinyFaces(TinyDet):
    """Boxes of the faces of TinyPeople, computed from nose and eyes."""

    METAINFO: ClassVar[dict[str, Any]] = FACES
    reader = staticmethod(read_tiny_faces)
    thing = 'face'


@TRANSFORMS.register_module()
class RandomSquareCrop(BaseTransform):
    """Crop a square at a random place.

    Boxes whose centre is outside are removed, others are clipped. A crop without a box
    to train on is dropped; the data set then loads another image. Crops of TinaFace
    (Zhu et al., arXiv 2011.13183), which draws again instead.

    Args:
        shares: Sides of the square, as shares of the shorter side of the image; one of
            them is drawn.

    Raises:
        ValueError: If a share is not above 0 and at most 1.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        if not shares or not all(0 < share <= 1 for share in shares):
            raise ValueError(
                f'shares={shares!r} of RandomSquareCrop: use numbers above 0 and up to '
                '1, such as (0.3, 0.6, 1.0)'
            )
        self.shares = tuple(shares)

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Crop ``img`` and ``gt_bboxes``; return None if no box is left."""
        height, width = results['img'].shape[:2]
        side = max(1, round(np.random.choice(self.shares) * min(height, width)))
        y, x = (np.random.randint(free - side + 1) for free in (height, width))
        boxes = results['gt_bboxes']
        boxes.translate_((-x, -y))
        inside = ((boxes.centers >= 0) & (boxes.centers < side)).all(dim=1).numpy()
        if not (inside & ~results['gt_ignore_flags']).any():
            return None
        boxes.clip_((side, side))
        results['img'] = results['img'][y : y + side, x : x + side]
        results['img_shape'] = (side, side)
        for name in ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags'):
            results[name] = results[name][inside]
        return results
