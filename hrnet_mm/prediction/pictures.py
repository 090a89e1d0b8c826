"""Pictures and videos of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps

from hrnet_mm.files import write_atomically

from .sources import Frame

CODEC = 'mp4v'  # OpenCV encodes it without other packages


class Pictures:
    """Writer of a JPEG file for each image, and an MP4 file for each video.

    Args:
        folder: The output folder; the files are in its folder ``pictures``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / 'pictures'
        self._video: Any = None
        self._part, self._path = Path(), Path()

    def add(self, frame: Frame, picture: np.ndarray) -> None:
        """Add a picture, (H, W, 3), uint8, blue, green, red.

        Raises:
            OSError: If it cannot be written.
        """
        if frame.video is None:
            _, content = cv2.imencode('.jpg', picture)
            path = self._folder / f'{frame.name}.jpg'
            write_atomically(path, content.tobytes())
            return
        path = self._folder / f'{frame.video.name}.mp4'
        if path != self._path:
            self.close()
            self._open(path, frame.video.fps, (picture.shape[1], picture.shape[0]))
        self._video.write(picture)

    def close(self) -> None:
        """Complete the video that is being written."""
        if self._video is not None:
            self._video.release()
            self._part.replace(self._path)
        self._video = None

    def _open(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._part = path, path.with_name(f'.{path.stem}.part.mp4')
        codec = cv2.VideoWriter.fourcc(*CODEC)
        self._video = cv2.VideoWriter(str(self._part), codec, fps, size)
        if not self._video.isOpened():
            raise OSError(f'OpenCV cannot write the video {path} ({CODEC})')


def draw_tracks(picture: np.ndarray, boxes: np.ndarray, numbers: np.ndarray) -> None:
    """Draw the box and the number of each tracked instance, in place.

    Args:
        picture: (H, W, 3), uint8, blue, green, red.
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        numbers: (N,), the numbers of the tracks; 0 is not drawn.
    """
    height = picture.shape[0]
    width = max(1, height // 240)
    scale = max(0.4, height / 900)
    for box, number in zip(boxes, numbers.tolist(), strict=True):
        if number:
            x1, y1, x2, y2 = np.rint(box).astype(int).tolist()
            red, green, blue, _ = colormaps['tab10'](number % 10)
            colour = (255 * blue, 255 * green, 255 * red)
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, width)
            at = (x1 + 2, max(y1 + round(24 * scale), round(24 * scale)))
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(picture, str(number), at, font, scale, (0, 0, 0), width + 2)
            cv2.putText(picture, str(number), at, font, scale, colour, width)
