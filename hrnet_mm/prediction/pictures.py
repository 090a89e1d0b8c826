"""Pictures and videos of predictions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps

from hrnet_mm.files import write_atomically
from hrnet_mm.videos import VideoWriter

from .sources import Frame


class Pictures:
    """Writer of a JPEG file for each image, and an MP4 file for each video.

    Args:
        folder: The output folder; the files are in its folder ``pictures``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / 'pictures'
        self._video: VideoWriter | None = None

    def add(self, frame: Frame, picture: np.ndarray) -> None:
        """Add a picture, (H, W, 3), uint8, blue, green, red.

        Raises:
            OSError: If it cannot be written.
            ValueError: If it is too large for a JPEG file.
        """
        if frame.video is None:
            is_written, content = cv2.imencode('.jpg', picture)
            if not is_written:
                raise ValueError('a JPEG file has at most 65500 pixels in a row')
            path = self._folder / f'{frame.name}.jpg'
            write_atomically(path, content.tobytes())
            return
        path = self._folder / f'{frame.video.name}.mp4'
        if self._video is None or self._video.path != path:
            self.close()
            size = (picture.shape[1], picture.shape[0])
            self._video = VideoWriter(path, frame.video.fps, size)
        self._video.write(picture)

    def close(self) -> None:
        """Complete the video that is being written."""
        if self._video is not None:
            self._video.close()
        self._video = None


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
            at = (max(x1, 0) + 3, min(y2, height) - 4)  # labels are at the top
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(picture, str(number), at, font, scale, (0, 0, 0), width + 2)
            cv2.putText(picture, str(number), at, font, scale, colour, width)
