"""What the libraries read of a COCO file: classes, and annotations that they skip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hrnet_mm.messages import shortened


def why_object_skipped(
    annotation: Mapping[str, Any],
    image: Mapping[str, Any],
    categories: Mapping[int, str],
    used: Mapping[int, Any] | set[int],
    masks: bool,
) -> str | None:
    """Return why MMDetection skips an object, or None if it does not.

    Args:
        annotation: A normalized annotation with ``bbox``.
        image: The image of the annotation, with ``width`` and ``height``.
        categories: The name of each category of the file, by its id.
        used: The ids of the categories that are classes of the config.
        masks: Whether outlines are trained, too.
    """
    x, y, width, height = annotation['bbox']
    if annotation.get('ignore'):
        return 'marked `ignore`'
    right, bottom = x + width, y + height
    if x >= image['width'] or y >= image['height'] or min(right, bottom) <= 0:
        return 'outside their image'
    if annotation['area'] <= 0 or width < 1 or height < 1:
        return 'smaller than a pixel'
    if annotation['category_id'] not in used:
        category = annotation['category_id']
        name = categories.get(category, 'not in `categories`')
        return f'of category {category} ({name}), no class of the config'
    if annotation['iscrowd']:
        return 'of a crowd or to be ignored, which the losses do'
    if masks and not annotation.get('segmentation'):
        return 'without an outline, which the losses ignore: the config loads masks'
    return None


def why_person_skipped(annotation: Mapping[str, Any]) -> str | None:
    """Return why MMPose skips a normalized annotation, or None if it does not."""
    if annotation['iscrowd']:
        return 'of a crowd'
    if 'bbox' not in annotation:
        return 'without a box'
    if not annotation.get('num_keypoints'):
        return 'without visible keypoints'
    if min(annotation['bbox'][2:]) <= 0:
        return 'with a box of no size'
    return None


def check_classes(
    classes: Sequence[str], categories: Mapping[int, str], file: str
) -> None:
    """Check that the classes of a detector are categories of a file, in its order.

    Args:
        classes: The classes of the config.
        categories: The name of each category of the file, by its id.
        file: The path of the file, for messages.

    Raises:
        ValueError: If a class is missing or the order differs.
    """
    # MMDetection numbers the labels in the order of the file
    named = [name for name in categories.values() if name in classes]
    missing = [name for name in classes if name not in named]
    if missing:
        raise ValueError(
            f'the classes {shortened(missing)} are not among the categories of {file} '
            f'({shortened(list(categories.values()))}): set metainfo=dict(classes='
            '(...)) of the data set to categories of the file, and num_classes of '
            'every head to their number'
        )
    if named != list(classes):
        raise ValueError(
            f'the classes {shortened(list(classes))} have another order in {file}: '
            f'list them in that order, metainfo=dict(classes={tuple(named)})'
        )
