"""What is known of each image after it was decoded once, in several threads."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np

from hrnet_mm.datasets.image_files import ORIENTATION, open_image, why_unreadable
from hrnet_mm.visualization import read_image

from .threads import Progress, map_files

SIDE = 16  # of the thumbnails that are compared


@dataclass(frozen=True)
class ImageFacts:
    """Facts about an image file.

    Attributes:
        unreadable: Why it cannot be loaded, as a predicate.
        is_cut_off: Whether the file ends too early, but is loaded nevertheless.
        size: Width and height in pixels, as they are stored.
        orientation: The EXIF orientation; 1 is upright.
        digest: A hash of the bytes of the file.
        thumbnail: (16, 16), uint8, grey.
    """

    unreadable: str | None = None
    is_cut_off: bool = False
    size: tuple[int, int] = (0, 0)
    orientation: int = 1
    digest: bytes = b''
    thumbnail: np.ndarray | None = None

    def size_as_loaded(self, turns: bool) -> tuple[int, int]:
        """Return width and height; ``turns`` applies the EXIF orientation."""
        width, height = self.size
        return (height, width) if turns and self.orientation > 4 else (width, height)


def examine(path: Path) -> ImageFacts:
    """Read an image file once and return what the checks need."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b''
    if not content:
        return ImageFacts(why_unreadable(path) or 'cannot be opened')
    digest = blake2b(content, digest_size=16).digest()
    try:
        with open_image(io.BytesIO(content)) as image:
            size, orientation = image.size, image.getexif().get(ORIENTATION, 1)
            image.draft('L', (4 * SIDE, 4 * SIDE))  # decodes a JPEG at 1/8, fast
            grey = np.asarray(image.convert('L'))
    except (OSError, SyntaxError, ValueError):
        return _examine_with_opencv(path, digest)
    if not cv2.haveImageReader(str(path)):
        return ImageFacts(why_unreadable(path) or 'cannot be opened', digest=digest)
    return ImageFacts(
        size=size, orientation=orientation, digest=digest, thumbnail=_thumbnail(grey)
    )


def _examine_with_opencv(path: Path, digest: bytes) -> ImageFacts:
    # damaged files, of which OpenCV loads the first part, and formats unknown to Pillow
    try:
        image = read_image(str(path))
    except (ValueError, cv2.error):
        return ImageFacts(why_unreadable(path) or 'cannot be read', digest=digest)
    return ImageFacts(
        is_cut_off=_is_known(path),
        size=(image.shape[1], image.shape[0]),
        digest=digest,
        thumbnail=_thumbnail(image[..., 0]),
    )


def _is_known(path: Path) -> bool:
    with suppress(OSError), open_image(path):  # reads the header only
        return True
    return False


def _thumbnail(grey: np.ndarray) -> np.ndarray:
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def examine_all(
    paths: Iterable[Path], progress: Progress | None = None
) -> dict[Path, ImageFacts]:
    """Examine each file once, in as many threads as there are processors.

    Args:
        paths: The files.
        progress: A function that is called with the number of files that are done, and
            that of all files.
    """
    unique = list(dict.fromkeys(paths))
    return dict(zip(unique, map_files(examine, unique, progress), strict=True))
