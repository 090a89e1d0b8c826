"""Functions that write TinyPeople in the annotation format of COCO."""

from collections.abc import Sequence

import cv2
import numpy as np

from .scene import Person, Scene
from .skeleton import KEYPOINTS, SKELETON

CATEGORY = {
    'id': 1,
    'name': 'person',
    'supercategory': 'person',
    'keypoints': list(KEYPOINTS),
    'skeleton': [list(bone) for bone in SKELETON],
}

PANOPTIC_CATEGORIES = [
    {'id': 1, 'name': 'person', 'supercategory': 'person', 'isthing': 1},
    {'id': 2, 'name': 'background', 'supercategory': 'background', 'isthing': 0},
]
_BACKGROUND = 100  # the id of its segment; people have 1, 2, ...

_FINENESS = 4  # upsampling factor of masks before their outlines are traced
_TOLERANCE = 0.4  # of simplified outlines, in pixels


def bounding_box(mask: np.ndarray) -> list[int]:
    """Return the bounding box of a (H, W) mask: x, y, width, height in pixels."""
    return list(map(int, cv2.boundingRect(mask.astype(np.uint8))))


def mask_to_polygons(mask: np.ndarray) -> list[list[float]]:
    """Convert a mask to COCO polygons.

    A hole is connected to the outline around it by a cut of zero width, because COCO
    polygons have no holes. The polygons are simplified by some tenths of a pixel, which
    keeps the file small.

    Args:
        mask: (H, W), boolean.

    Returns:
        Polygons, each as x, y, x, y, ... in pixels.
    """
    x, y, width, height = bounding_box(mask)
    inner = mask[y : y + height, x : x + width].astype(np.uint8)
    fine = cv2.resize(
        cv2.copyMakeBorder(inner, 1, 1, 1, 1, cv2.BORDER_CONSTANT),
        None, fx=_FINENESS, fy=_FINENESS, interpolation=cv2.INTER_NEAREST,
    )  # fmt: skip
    contours, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outlines: dict[int, np.ndarray] = {}
    for i, contour in enumerate(contours):
        ring = cv2.approxPolyDP(contour, _TOLERANCE * _FINENESS, closed=True)[:, 0]
        ring = (ring + 0.5) / _FINENESS + (x - 1, y - 1)
        around = tree[0, i, 3]
        if around < 0:
            outlines[i] = ring
        else:
            start, end = outlines[around][:1], ring[:1]
            outlines[around] = np.concatenate([outlines[around], start, ring, end])
    return [o.round(2).ravel().tolist() for o in outlines.values() if len(o) > 2]


def image_entry(image_id: int, file_name: str, size: tuple[int, int]) -> dict:
    """Return the COCO entry of an image; ``size`` is width and height in pixels."""
    width, height = size
    return {'id': image_id, 'file_name': file_name, 'width': width, 'height': height}


def annotation_entry(person: Person, image_id: int, number: int) -> dict:
    """Return the COCO entry of a person.

    Args:
        person: A person of a scene.
        image_id: The id of the image.
        number: The index of the person in the image, 0 to 9.
    """
    return {
        'id': image_id * 10 + number,
        'image_id': image_id,
        'category_id': CATEGORY['id'],
        'keypoints': person.keypoints.round(2).ravel().tolist(),
        'num_keypoints': int((person.keypoints[:, 2] > 0).sum()),
        'bbox': bounding_box(person.mask),
        'area': int(person.mask.sum()),
        'segmentation': mask_to_polygons(person.mask),
        'iscrowd': 0,
    }


def panoptic_map(scene: Scene) -> np.ndarray:
    """Return the ids of the segments of a scene as (H, W, 3), blue, green, red."""
    ids = np.full(scene.labels.shape, _BACKGROUND, np.uint8)
    for number, person in enumerate(scene.people, start=1):
        ids[person.mask] = number
    return np.stack([np.zeros_like(ids), np.zeros_like(ids), ids], axis=-1)


def panoptic_entry(people: Sequence[Person], image_id: int, file_name: str) -> dict:
    """Return the entry of an image in COCO's panoptic format.

    Args:
        people: The people of a scene.
        image_id: The id of the image.
        file_name: The name of its label map.
    """
    behind = ~np.any([person.mask for person in people], axis=0)
    masks = [(i, 1, it.mask) for i, it in enumerate(people, start=1)]
    segments = [
        {
            'id': number,
            'category_id': category,
            'bbox': bounding_box(mask),
            'area': int(mask.sum()),
            'iscrowd': 0,
        }
        for number, category, mask in [*masks, (_BACKGROUND, 2, behind)]
    ]
    return {'image_id': image_id, 'file_name': file_name, 'segments_info': segments}
