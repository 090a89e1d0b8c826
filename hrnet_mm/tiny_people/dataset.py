"""TinyPeople: a synthetic data set for all four tasks, and for depth.

It has figures in six poses on cluttered backgrounds, in the file formats that the stock
data sets and metrics of OpenMMLab read:

    ROOT/tiny_people.json                   the settings
    ROOT/annotations/SPLIT.json             COCO: keypoints, boxes, masks
    ROOT/images/SPLIT/000001.jpg
    ROOT/labels/SPLIT/000001.png            indices of ``CLASSES``
    ROOT/annotations/panoptic_SPLIT.json    COCO panoptic: people and background
    ROOT/panoptic/SPLIT/000001.png          ids of segments
    ROOT/depth/SPLIT/000001.png             millimetres, 16 bits
    ROOT/crops/SPLIT/POSE/000001_0.jpg      one figure per file
"""

import json
import os
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from . import coco
from .scene import CROWD, FEW, Person, Scene, draw_scene
from .skeleton import POSES

DRAWING = 2
"""The version of the rendering code; it changes whenever the files change."""

MANIFEST = 'tiny_people.json'
MIN_SIZE = 64
CROP_SIZE = 96
CROP_MARGIN = 1.25

Progress = Callable[[int, int], None]
"""A callback with the number of written images and the total number."""


@dataclass(frozen=True)
class TinyPeople:
    """The settings of a TinyPeople data set.

    Equal settings give equal files. An image depends only on the seed, its size, its
    split and its number: a larger split starts with the images of a smaller one.

    Args:
        seed: The seed of the random generator, at least 0.
        image_size: Width and height in pixels, at least 64.
        splits: The number of images by the name of the split.
        crowd: Whether to render two to four overlapping figures per image instead of
            one to three.

    Raises:
        ValueError: If a setting is out of range.
    """

    seed: int = 0
    image_size: tuple[int, int] = (192, 160)
    splits: Mapping[str, int] = field(
        default_factory=lambda: {'train': 1000, 'val': 100, 'test': 200}
    )
    crowd: bool = False

    def __post_init__(self) -> None:
        """Validate the settings."""
        if self.seed < 0:
            raise ValueError(f'seed must be 0 or more, got {self.seed}')
        if min(self.image_size) < MIN_SIZE:
            raise ValueError(
                f'image_size must be at least {MIN_SIZE} x {MIN_SIZE}, '
                f'got {self.image_size}'
            )
        for split, count in self.splits.items():
            if not split.isidentifier() or count < 1:
                raise ValueError(
                    'splits must map identifiers to counts of 1 or more, '
                    f'got {split!r}: {count}'
                )

    def scene(self, split: str, number: int) -> Scene:
        """Render one image of a split; the first has number 1."""
        words = (self.seed, zlib.crc32(split.encode()), number)
        settings = CROWD if self.crowd else FEW
        return draw_scene(np.random.default_rng(words), self.image_size, settings)

    def write(self, root: str | Path, progress: Progress | None = None) -> Path:
        """Write the data set to a folder, completely or not at all.

        If the folder already has this data set, nothing is written.

        Args:
            root: The folder to create.
            progress: A callback after each image.

        Returns:
            The absolute path of the folder.

        Raises:
            FileExistsError: If the folder has other files or another TinyPeople.
        """
        root = Path(root).absolute()
        if self._is_written(root):
            return root
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.tiny_people-', dir=root.parent) as t:
            draft = Path(t) / root.name
            draft.mkdir()
            self._write_files(draft, progress or (lambda done, total: None))
            try:
                os.replace(draft, root)
            except OSError:
                # Another process may have finished in the meantime.
                if not self._is_written(root):
                    raise
        return root

    def _manifest(self) -> dict:
        return {
            'drawing': DRAWING,
            'seed': self.seed,
            'image_size': list(self.image_size),
            'splits': dict(self.splits),
            'crowd': self.crowd,
        }

    def _is_written(self, root: Path) -> bool:
        """Return whether a folder has this data set; raise if it has anything else."""
        if not root.is_dir():
            if root.exists():
                raise FileExistsError(f'{root} is a file; choose another folder')
            return False
        if not (root / MANIFEST).is_file():
            names = sorted(path.name for path in root.iterdir())
            if names:
                raise FileExistsError(
                    f'{root} has other files in it ({", ".join(names[:5])}'
                    f'{", ..." if names[5:] else ""}); choose another folder'
                )
            return False
        # manifests of older versions have no `crowd`
        there = {'crowd': False} | json.loads((root / MANIFEST).read_text())
        wanted = self._manifest()
        differ = [key for key in wanted if there.get(key) != wanted[key]]
        if differ:
            changes = '; '.join(
                f'{key} is {there.get(key)}, not {wanted[key]}' for key in differ
            )
            raise FileExistsError(
                f'{root} has another TinyPeople: {changes}. '
                'Remove it or choose another folder'
            )
        return True

    def _write_files(self, root: Path, progress: Progress) -> None:
        done, total = 0, sum(self.splits.values())
        for split, count in self.splits.items():
            _make_folders(root, split)
            images, annotations, panoptic = [], [], []
            for number in range(1, count + 1):
                scene = self.scene(split, number)
                _write_images(root, split, f'{number:06d}', scene)
                images.append(
                    coco.image_entry(number, f'{number:06d}.jpg', self.image_size)
                )
                annotations += [
                    coco.annotation_entry(person, number, i)
                    for i, person in enumerate(scene.people)
                ]
                panoptic.append(
                    coco.panoptic_entry(scene.people, number, f'{number:06d}.png')
                )
                done += 1
                progress(done, total)
            described = {
                'info': {'description': f'TinyPeople {split}', 'version': str(DRAWING)},
                'licenses': [],
                'images': images,
            }
            folder = root / 'annotations'
            content = {'annotations': annotations, 'categories': [coco.CATEGORY]}
            (folder / f'{split}.json').write_text(json.dumps(described | content))
            content = {'annotations': panoptic, 'categories': coco.PANOPTIC_CATEGORIES}
            (folder / f'panoptic_{split}.json').write_text(
                json.dumps(described | content)
            )
        (root / MANIFEST).write_text(json.dumps(self._manifest(), indent=2) + '\n')


def _make_folders(root: Path, split: str) -> None:
    (root / 'annotations').mkdir(exist_ok=True)
    (root / 'images' / split).mkdir(parents=True)
    (root / 'labels' / split).mkdir(parents=True)
    (root / 'panoptic' / split).mkdir(parents=True)
    (root / 'depth' / split).mkdir(parents=True)
    # also if they stay empty, so that a class has the same index in every split
    for pose in POSES:
        (root / 'crops' / split / pose).mkdir(parents=True)


def _write_images(root: Path, split: str, name: str, scene: Scene) -> None:
    _write_image(root / 'images' / split / f'{name}.jpg', scene.image)
    _write_image(root / 'labels' / split / f'{name}.png', scene.labels)
    _write_image(root / 'panoptic' / split / f'{name}.png', coco.panoptic_map(scene))
    _write_image(root / 'depth' / split / f'{name}.png', _to_millimetres(scene.depth))
    for i, person in enumerate(scene.people):
        path = root / 'crops' / split / person.pose / f'{name}_{i}.jpg'
        _write_image(path, _crop(scene.image, person))


def _to_millimetres(depth: np.ndarray) -> np.ndarray:
    return np.rint(1000 * depth).astype(np.uint16)


def _write_image(path: Path, image: np.ndarray) -> None:
    # cv2.imwrite returns False without a reason if it fails
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def _crop(image: np.ndarray, person: Person) -> np.ndarray:
    # a square with a margin; outside of the image its border is replicated
    x, y, width, height = coco.bounding_box(person.mask)
    side = round(CROP_MARGIN * max(width, height))
    wide = cv2.copyMakeBorder(image, *(side,) * 4, cv2.BORDER_REPLICATE)
    left, top = side + x + (width - side) // 2, side + y + (height - side) // 2
    square = wide[top : top + side, left : left + side]
    return cv2.resize(square, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
