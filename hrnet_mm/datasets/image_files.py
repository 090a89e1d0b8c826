"""Facts about image files: whether they can be read, orientation, size."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # the EXIF tag; 1 is upright, 5 to 8 swap width and height
TIFF_SIZE = (256, 257)  # the tags of width and height
IMAGE_SUFFIXES = (
    '.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp'
)  # fmt: skip


_limit = threading.Lock()


def open_image(source: str | Path | IO[bytes]) -> Image.Image:
    """Open an image of any number of pixels with Pillow; only the header is read.

    Pillow refuses large images, which a service on the web must not decode; maps and
    scans are as large.

    Raises:
        OSError: If Pillow cannot read the header.
    """
    with _limit:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def read_orientation(path: str | Path) -> int:
    """Return the EXIF orientation of an image, 1 to 8; 1 if it has none."""
    try:
        with open_image(path) as image:
            return _orientation(image)
    except OSError:  # not an image for Pillow; the loader reports damaged files
        return 1


def _orientation(image: Image.Image) -> int:
    # the method of PNG decodes the image, to look for EXIF data behind the pixels
    return Image.Image.getexif(image).get(ORIENTATION, 1)


def size_as_loaded(path: str | Path) -> tuple[int, int]:
    """Return width and height of an image after its EXIF orientation is applied.

    Raises:
        OSError: If Pillow cannot read the file.
    """
    with open_image(path) as image:
        width, height = image.size
        if image.format == 'TIFF':  # new versions of Pillow turn the size of this one
            width, height = (image.tag_v2[tag] for tag in TIFF_SIZE)  # type: ignore
        turned = _orientation(image) > 4
    return (height, width) if turned else (width, height)


def why_unreadable(path: str | Path) -> str | None:
    """Return why OpenCV cannot read an image, as a predicate; None if it can."""
    if not os.path.isfile(path):
        return 'does not exist'
    if os.path.getsize(path) == 0:
        return 'is empty (0 bytes)'
    # as the libraries load it: `imread` accepts some files that `imdecode` does not
    content = np.fromfile(path, np.uint8)
    if cv2.imdecode(content, cv2.IMREAD_COLOR) is None:
        return f'is not an image that OpenCV can read ({os.path.getsize(path)} bytes)'
    return None
