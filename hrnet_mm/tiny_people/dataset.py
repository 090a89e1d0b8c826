"""TinyPeople: a data set small enough to draw, hard enough to tell right from wrong.

Figures in six poses over cluttered backgrounds, in the layouts that the stock data
sets and metrics of OpenMMLab read:

    ROOT/tiny_people.json                   what was drawn
    ROOT/annotations/SPLIT.json             COCO: keypoints, boxes, masks
    ROOT/images/SPLIT/000001.jpg
    ROOT/labels/SPLIT/000001.png            indices of ``CLASSES``
    ROOT/crops/SPLIT/POSE/000001_0.jpg      one figure in each
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

DRAWING = 1
"""The version of the drawing code: another number, another data set."""

CARD = 'tiny_people.json'
LEAST_SIZE = 64
CROP_SIZE = 96
CROP_MARGIN = 1.25

Progress = Callable[[int, int], None]
"""Called with the number of images written so far and that of all."""


@dataclass(frozen=True)
class TinyPeople:
    """What to draw.

    The same values give the same files. An image depends on the seed, its size,
    its split and its number only: a larger split begins with the smaller one.

    Args:
        seed: Another seed, other images.
        image_size: Width and height in pixels, at least 64.
        splits: The number of images by the name of the split.
        crowd: Two to four figures in an image, small and large, before each other.
    """

    seed: int = 0
    image_size: tuple[int, int] = (192, 160)
    splits: Mapping[str, int] = field(
        default_factory=lambda: {'train': 1000, 'val': 100, 'test': 200}
    )
    crowd: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.seed < 0:
            raise ValueError(f'seed must be 0 or more, got {self.seed}')
        if min(self.image_size) < LEAST_SIZE:
            raise ValueError(
                f'image_size must be at least {LEAST_SIZE} x {LEAST_SIZE}, '
                f'got {self.image_size}'
            )
        for split, count in self.splits.items():
            if not split.isidentifier() or count < 1:
                raise ValueError(
                    'splits must give names, and counts of 1 or more, '
                    f'got {split!r}: {count}'
                )

    def scene(self, split: str, number: int) -> Scene:
        """Draw one image; the first has number 1."""
        words = (self.seed, zlib.crc32(split.encode()), number)
        casting = CROWD if self.crowd else FEW
        return draw_scene(np.random.default_rng(words), self.image_size, casting)

    def write(self, root: str | Path, progress: Progress | None = None) -> Path:
        """Write the data set, unless it is there; all of it or nothing.

        Args:
            root: The folder to make.
            progress: Told after each image.

        Returns:
            The folder.

        Raises:
            FileExistsError: Something else is in this place.
        """
        root = Path(root).absolute()
        if self._is_in(root):
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
                if not self._is_in(root):
                    raise
        return root

    def _card(self) -> dict:
        return {
            'drawing': DRAWING,
            'seed': self.seed,
            'image_size': list(self.image_size),
            'splits': dict(self.splits),
            'crowd': self.crowd,
        }

    def _is_in(self, root: Path) -> bool:
        """Whether the data set is in a folder; complain if something else is."""
        if not root.is_dir():
            if root.exists():
                raise FileExistsError(f'{root} is a file; choose another folder')
            return False
        if not (root / CARD).is_file():
            names = sorted(path.name for path in root.iterdir())
            if names:
                raise FileExistsError(
                    f'{root} has other files in it ({", ".join(names[:5])}'
                    f'{", ..." if names[5:] else ""}); choose another folder'
                )
            return False
        # cards were written before there were crowds
        there = {'crowd': False} | json.loads((root / CARD).read_text())
        wanted = self._card()
        differ = [key for key in wanted if there.get(key) != wanted[key]]
        if differ:
            changes = '; '.join(
                f'{key} is {there.get(key)}, not {wanted[key]}' for key in differ
            )
            raise FileExistsError(
                f'{root} holds another TinyPeople: {changes}. '
                'Remove it or choose another folder'
            )
        return True

    def _write_files(self, root: Path, progress: Progress) -> None:
        done, total = 0, sum(self.splits.values())
        for split, count in self.splits.items():
            _make_folders(root, split)
            images, annotations = [], []
            for number in range(1, count + 1):
                scene = self.scene(split, number)
                _write_pictures(root, split, f'{number:06d}', scene)
                images.append(coco.image(number, f'{number:06d}.jpg', self.image_size))
                annotations += [
                    coco.annotation(person, number, i)
                    for i, person in enumerate(scene.people)
                ]
                done += 1
                progress(done, total)
            content = {
                'info': {'description': f'TinyPeople {split}', 'version': str(DRAWING)},
                'licenses': [],
                'images': images,
                'annotations': annotations,
                'categories': [coco.CATEGORY],
            }
            (root / 'annotations' / f'{split}.json').write_text(json.dumps(content))
        (root / CARD).write_text(json.dumps(self._card(), indent=2) + '\n')


def _make_folders(root: Path, split: str) -> None:
    (root / 'annotations').mkdir(exist_ok=True)
    (root / 'images' / split).mkdir(parents=True)
    (root / 'labels' / split).mkdir(parents=True)
    # Also those that stay empty: a class has the same index in every split.
    for pose in POSES:
        (root / 'crops' / split / pose).mkdir(parents=True)


def _write_pictures(root: Path, split: str, name: str, scene: Scene) -> None:
    _write_picture(root / 'images' / split / f'{name}.jpg', scene.image)
    _write_picture(root / 'labels' / split / f'{name}.png', scene.labels)
    for i, person in enumerate(scene.people):
        path = root / 'crops' / split / person.pose / f'{name}_{i}.jpg'
        _write_picture(path, _crop(scene.image, person))


def _write_picture(path: Path, image: np.ndarray) -> None:
    # OpenCV's own imwrite would not say why it failed.
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def _crop(image: np.ndarray, person: Person) -> np.ndarray:
    """Cut out a person in a square with a margin; the border is continued."""
    x, y, width, height = coco.box(person.mask)
    side = round(CROP_MARGIN * max(width, height))
    wide = cv2.copyMakeBorder(image, *(side,) * 4, cv2.BORDER_REPLICATE)
    left, top = side + x + (width - side) // 2, side + y + (height - side) // 2
    square = wide[top : top + side, left : left + side]
    return cv2.resize(square, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
