"""Splits a collection into training and validation, with the same categories."""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import copy
from typing import Any, TypeVar

from .collection import Collection, FormatError

Item = TypeVar('Item')


def split(items: Sequence[Item], share: float, seed: int) -> dict[str, list[Item]]:
    """Split items at random into ``'train'`` and ``'val'``; both keep their order.

    Args:
        items: At least two.
        share: The share of validation; at least one item is in each split.
        seed: The seed of the random generator.

    Raises:
        FormatError: If there is only one item.
    """
    if len(items) < 2:
        raise FormatError(
            f'there is {len(items)} annotated image: at least two are needed, one to '
            'train on and one to validate on'
        )
    number = min(max(round(share * len(items)), 1), len(items) - 1)
    chosen = set(random.Random(seed).sample(range(len(items)), number))
    return {
        'train': [it for i, it in enumerate(items) if i not in chosen],
        'val': [it for i, it in enumerate(items) if i in chosen],
    }


def split_collection(
    collection: Collection, share: float, seed: int
) -> dict[str, Collection]:
    """Split a collection by image."""
    parts = split(collection.images, share, seed)
    return {name: _part(collection, images) for name, images in parts.items()}


def _part(collection: Collection, images: list[dict[str, Any]]) -> Collection:
    part = copy(collection)
    ids = {image['id'] for image in images}
    part.images = images
    part.annotations = [it for it in collection.annotations if it['image_id'] in ids]
    part.labels = {i: it for i, it in collection.labels.items() if i in ids}
    return part


def unify(train: Collection, val: Collection) -> None:
    """Give the categories and keypoints of both the same numbers, those of ``train``.

    Raises:
        FormatError: If ``val`` has a category or a keypoint that ``train`` has not.
    """
    extra = sorted(set(val.categories) - set(train.categories))
    points = sorted(set(val.keypoints) - set(train.keypoints))
    if extra or points:
        raise FormatError(
            f'{val.source} has {", ".join(extra + points)}, which {train.source}, the '
            'training data, has not: a model cannot learn it'
        )
    reorder_keypoints(val, train.keypoints)
    new = {c['id']: train.categories[name]['id'] for name, c in val.categories.items()}
    for annotation in val.annotations:
        annotation['category_id'] = new[annotation['category_id']]
    val.categories = train.categories


def reorder_keypoints(collection: Collection, order: Sequence[str]) -> None:
    """Write the keypoints of all annotations in another order.

    Args:
        collection: The collection.
        order: The names; those that the collection lacks are unlabelled.
    """
    given = collection.keypoints
    for annotation in collection.annotations:
        values = annotation.get('keypoints')
        if values:
            triples = {n: values[3 * i : 3 * i + 3] for i, n in enumerate(given)}
            new = [triples.get(name, (0, 0, 0)) for name in order]
            annotation['keypoints'] = [value for triple in new for value in triple]
    for category in collection.categories.values():
        if category.get('keypoints'):
            links = category.get('skeleton') or ()
            ends = [[given[a - 1], given[b - 1]] for a, b in links]
            category['skeleton'] = [
                [order.index(a) + 1, order.index(b) + 1] for a, b in ends
            ]
            category['keypoints'] = [*order]
