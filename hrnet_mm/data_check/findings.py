"""What a check of data finds, and the statistics of each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

EFFECTS = {
    'stops': 'training stops with an error',
    'wrong': 'training learns something wrong, or a score is wrong',
    'skipped': 'training passes over it',
    'note': 'look at it; training is not affected by itself',
}
"""The effect of a finding on training, the most severe first."""

SHOWN = 5  # places of a finding


@dataclass(frozen=True)
class Finding:
    """A fault or a peculiarity of the data.

    Attributes:
        effect: A key of ``EFFECTS``.
        message: What was found, how often, in which split, and what to do.
        places: The first files or annotations, relative to the folder of the split.
    """

    effect: str
    message: str
    places: tuple[str, ...] = ()


def finding(effect: str, message: str, places: Iterable[str] = ()) -> Finding:
    """Create a finding with the first of its places."""
    return Finding(effect, message, tuple(places)[:SHOWN])


@dataclass
class Summary:
    """Statistics of a split.

    Attributes:
        images: The number of images.
        annotations: The number of annotations, label maps or labelled images.
        classes: The number of objects, images (label maps: images with the class).
        image_sizes: Width and height of each image in pixels, as it is loaded.
        box_sizes: The square root of the area of each box, in pixels of its image.
        keypoints: The number of labelled keypoints by name.
    """

    images: int = 0
    annotations: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    image_sizes: list[tuple[int, int]] = field(default_factory=list)
    box_sizes: list[float] = field(default_factory=list)
    keypoints: Counter[str] = field(default_factory=Counter)


@dataclass
class Report:
    """The result of a check.

    Attributes:
        findings: The findings, the most severe first.
        summary: The statistics of each split by its name.
        drawings: Some images with their annotations: title, and (H, W, 3), uint8, red,
            green, blue.
    """

    findings: list[Finding] = field(default_factory=list)
    summary: dict[str, Summary] = field(default_factory=dict)
    drawings: list[tuple[str, np.ndarray]] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether training runs on the data and learns what it should."""
        return not any(found.effect in ('stops', 'wrong') for found in self.findings)

    @property
    def verdict(self) -> str:
        """The number of findings by effect, or that there is none."""
        number = Counter(found.effect for found in self.findings)
        counts = [f'{number[effect]} {effect}' for effect in EFFECTS if number[effect]]
        return f'Findings: {", ".join(counts)}' if counts else 'No fault found.'
