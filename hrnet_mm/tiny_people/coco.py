"""COCO: people as annotations that pycocotools and the stock data sets read."""

import cv2
import numpy as np

from .scene import Person
from .skeleton import KEYPOINTS, SKELETON

CATEGORY = {
    'id': 1,
    'name': 'person',
    'supercategory': 'person',
    'keypoints': list(KEYPOINTS),
    'skeleton': [list(bone) for bone in SKELETON],
}

_FINENESS = 4  # outlines are drawn on a grid so many times finer
_SLACK = 0.4  # pixels


def box(mask: np.ndarray) -> list[int]:
    """The smallest box around a mask: x, y, width, height."""
    return list(map(int, cv2.boundingRect(mask.astype(np.uint8))))


def polygons(mask: np.ndarray) -> list[list[float]]:
    """The outlines of a mask, each as x, y, x, y, ...

    A hole is joined to the outline around it by a cut of no width: COCO has no
    other way to say it in polygons. The corners are some tenths of a pixel off,
    which keeps the file small.

    Args:
        mask: (H, W), boolean.
    """
    x, y, width, height = box(mask)
    inner = mask[y : y + height, x : x + width].astype(np.uint8)
    fine = cv2.resize(
        cv2.copyMakeBorder(inner, 1, 1, 1, 1, cv2.BORDER_CONSTANT),
        None, fx=_FINENESS, fy=_FINENESS, interpolation=cv2.INTER_NEAREST,
    )  # fmt: skip
    contours, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outlines: dict[int, np.ndarray] = {}
    for i, contour in enumerate(contours):
        ring = cv2.approxPolyDP(contour, _SLACK * _FINENESS, closed=True)[:, 0]
        ring = (ring + 0.5) / _FINENESS + (x - 1, y - 1)
        around = tree[0, i, 3]
        if around < 0:
            outlines[i] = ring
        else:
            start, end = outlines[around][:1], ring[:1]
            outlines[around] = np.concatenate([outlines[around], start, ring, end])
    return [o.round(2).ravel().tolist() for o in outlines.values() if len(o) > 2]


def image(image_id: int, file_name: str, size: tuple[int, int]) -> dict:
    """Describe an image of a width and height."""
    width, height = size
    return {'id': image_id, 'file_name': file_name, 'width': width, 'height': height}


def annotation(person: Person, image_id: int, number: int) -> dict:
    """Describe one of at most ten people on an image; ``number`` is from 0."""
    return {
        'id': image_id * 10 + number,
        'image_id': image_id,
        'category_id': CATEGORY['id'],
        'keypoints': person.keypoints.round(2).ravel().tolist(),
        'num_keypoints': int((person.keypoints[:, 2] > 0).sum()),
        'bbox': box(person.mask),
        'area': int(person.mask.sum()),
        'segmentation': polygons(person.mask),
        'iscrowd': 0,
    }
