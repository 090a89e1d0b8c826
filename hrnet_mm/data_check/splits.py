"""The data to check, and what training expects of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrnet_mm.datasets.annotations import Reader, read_json
from hrnet_mm.datasets.metainfo import names_of

KINDS = ('coco', 'panoptic', 'label_maps', 'class_folders')
IGNORED = 255  # mmseg's default ignore_index


@dataclass(frozen=True)
class Split:
    """Images and annotations of one split.

    Attributes:
        name: ``'train'``, ``'val'`` or ``'test'``. Images of a split whose name begins
            with ``train`` must not occur in others.
        kind: ``'coco'``, ``'panoptic'``, ``'label_maps'`` or ``'class_folders'``.
        images: The folder of the images; for ``'class_folders'`` that of the classes.
        annotations: A JSON file in COCO format, or the folder of the label maps. For
            ``'class_folders'`` None, or a text file with a line ``file label`` for each
            image.
        files: The only images to check, relative to ``images``; None for all.
        suffixes: The ends of the name of an image and of its label map, which are equal
            otherwise. An empty one stands for each suffix of an image.
        reads: How the data set reads an annotation; None if as it is stored.
        reader: The function that reads ``annotations``, if they have another format.
        read_map: For ``'panoptic'``, the function that reads the ids of a label map,
            (H, W), by its name in ``annotations``.

    Raises:
        ValueError: If ``kind`` is unknown.
    """

    name: str
    kind: str
    images: Path
    annotations: Path | None = None
    files: tuple[str, ...] | None = None
    suffixes: tuple[str, str] = ('', '.png')
    reads: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    reader: Reader = read_json
    read_map: Callable[[str], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'kind={self.kind!r} of a split: use {", ".join(KINDS)}')

    @property
    def is_train(self) -> bool:
        """Whether a model is trained on the split."""
        return self.name.startswith('train')


@dataclass(frozen=True)
class Labels:
    """The pixel values of label maps.

    Attributes:
        values: The value of each class; None for 0, 1, 2 and so on.
        ignored: The values that are not trained.
    """

    values: tuple[int, ...] | None = None
    ignored: frozenset[int] = frozenset({IGNORED})


@dataclass(frozen=True)
class Anchors:
    """The anchors of a detector, and the scale of its input.

    Attributes:
        smallest: The side of the smallest anchor, in pixels of the input.
        overlap: The least overlap (IoU) at which training assigns an anchor.
        scale: The long and the short side that images are resized to, at most; None if
            they are not resized.
        factor: The factor that they are resized by, if ``scale`` is None.
    """

    smallest: float = 32
    overlap: float = 0.3
    scale: tuple[int, int] | None = (1333, 800)
    factor: float = 1

    def enlargement(self, width: float, height: float) -> float:
        """Return the factor by which an image is resized."""
        if self.scale is None:
            return self.factor
        long, short = max(self.scale), min(self.scale)
        return min(long / max(width, height), short / min(width, height))


@dataclass(frozen=True)
class Keypoints:
    """The keypoints that a model learns.

    Attributes:
        names: Names in the order of the annotations.
        links: The skeleton, each link as two indices.
    """

    names: tuple[str, ...]
    links: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any]) -> Keypoints:
        """Read the metainfo of MMPose, parsed or as it is in a file."""
        if 'keypoint_id2name' in metainfo:
            links = metainfo.get('skeleton_links') or ()
            return cls(tuple(names_of(metainfo)), tuple((a, b) for a, b in links))
        info = metainfo['keypoint_info']
        names = [info[key]['name'] for key in sorted(info, key=int)]
        links = [
            link['link'] for link in (metainfo.get('skeleton_info') or {}).values()
        ]
        return cls(
            tuple(names), tuple((names.index(a), names.index(b)) for a, b in links)
        )

    @classmethod
    def from_category(cls, category: Mapping[str, Any]) -> Keypoints:
        """Read a category of a COCO file."""
        names = tuple(map(str, category.get('keypoints') or ()))
        links = category.get('skeleton') or ()
        pairs = [(a - 1, b - 1) for a, b in links]
        return cls(
            names, tuple(p for p in pairs if min(p) >= 0 and max(p) < len(names))
        )


@dataclass(frozen=True)
class Expected:
    """What training expects of the data.

    Attributes:
        task: ``'pose'``, ``'segmentation'``, ``'detection'`` or ``'classification'``.
        classes: The classes; None for those of the data.
        keypoints: The keypoints; None for those of the data.
        labels: The pixel values of label maps.
        anchors: The anchors of a detector; None if it has none.
        masks: Whether a detector loads masks, and so ignores objects without an
            outline.
        turns_images: Whether images are rotated by their EXIF orientation.
    """

    task: str
    classes: Sequence[str] | None = None
    keypoints: Keypoints | None = None
    labels: Labels = Labels()
    anchors: Anchors | None = None
    masks: bool = False
    turns_images: bool = True
