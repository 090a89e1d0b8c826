"""Drawing of annotations on images, and the sheet of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from hrnet_mm.visualization import read_image

WIDTH, HEIGHT = 320, 240  # of a drawing on the sheet
COLUMNS = 4
TITLE = 22


def load(path: Path) -> tuple[np.ndarray, float]:
    """Load an image in the size of a drawing.

    Returns:
        (H, W, 3), uint8, red, green, blue; and the factor that it was resized by.
    """
    image = read_image(str(path))[..., ::-1]
    zoom = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    size = tuple(max(1, round(side * zoom)) for side in image.shape[1::-1])
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=how), zoom


def sheet(drawings: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Put drawings with their titles side by side.

    Args:
        drawings: Titles, and images of at most ``WIDTH`` x ``HEIGHT`` pixels.

    Returns:
        (H, W, 3), uint8, red, green, blue.
    """
    tiles = [_tile(title, image) for title, image in drawings]
    empty = np.full((HEIGHT + TITLE, WIDTH, 3), 255, np.uint8)
    columns = min(COLUMNS, len(tiles))
    tiles += [empty] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(title: str, image: np.ndarray) -> np.ndarray:
    tile = np.full((HEIGHT + TITLE, WIDTH, 3), 255, np.uint8)
    height, width = image.shape[:2]
    left = (WIDTH - width) // 2
    tile[TITLE : TITLE + height, left : left + width] = image
    # only ASCII has glyphs
    text = title.encode('ascii', 'replace').decode()[-44:]
    cv2.putText(tile, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1)
    return tile
