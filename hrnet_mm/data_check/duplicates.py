"""Images that look the same, but are other files.

Their thumbnails are nearly equal, such as those of a copy in another format or quality.
Candidates are those whose 64 differences between neighbouring pixels (dHash) have at
most three other signs. One of four parts of such a hash is then equal, so that not all
pairs have to be compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from .image_facts import ImageFacts

FLIPPED = 3  # of 64 signs
DIFFERENCE = 3  # of 255; mean over the thumbnail
CONTRAST = 8  # of 255; plainer thumbnails are not compared


def similar_images(facts: Mapping[Path, ImageFacts]) -> list[tuple[Path, Path]]:
    """Return pairs of files that look the same but have other bytes."""
    unique: dict[bytes, Path] = {}
    for path, found in facts.items():
        unique.setdefault(found.digest, path)
    chosen = [path for path in unique.values() if _has_contrast(facts[path])]
    if not chosen:
        return []
    thumbnails = np.stack([_thumbnail(facts[path]) for path in chosen]).astype(float)
    hashes = np.stack([_hash(facts[path]) for path in chosen])
    pairs = [
        (a, b)
        for a, b in _candidates(hashes)
        if np.abs(thumbnails[a] - thumbnails[b]).mean() <= DIFFERENCE
    ]
    return [(chosen[a], chosen[b]) for a, b in sorted(pairs)]


def _thumbnail(facts: ImageFacts) -> np.ndarray:
    assert facts.thumbnail is not None
    return facts.thumbnail


def _has_contrast(facts: ImageFacts) -> bool:
    return facts.thumbnail is not None and float(facts.thumbnail.std()) > CONTRAST


def _hash(facts: ImageFacts) -> np.ndarray:
    # 64 signs as bytes
    small = cv2.resize(_thumbnail(facts), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1])


def _candidates(hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for part in range(4):
        buckets = defaultdict(list)
        for index, key in enumerate(hashes[:, 2 * part : 2 * part + 2]):
            buckets[key.tobytes()].append(index)
        for bucket in buckets.values():
            found.update(_near(hashes, bucket))
    return iter(found)


def _near(hashes: np.ndarray, bucket: list[int]) -> Iterable[tuple[int, int]]:
    rows = hashes[bucket]
    for position, index in enumerate(bucket[:-1]):
        differing = np.unpackbits(rows[position + 1 :] ^ rows[position], axis=1)
        for other in np.flatnonzero(differing.sum(axis=1) <= FLIPPED):
            yield index, bucket[position + 1 + int(other)]
