"""Pictures and videos of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps

from hrnet_mm.files import write_atomically
from hrnet_mm.videos import VideoWriter
from hrnet_mm.visualization import draw_boxes

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


def draw_text(
    picture: np.ndarray, text: str, at: tuple[int, int], colour: Sequence[float]
) -> None:
    """Write a line of text in a filled box, in place.

    OpenCV has glyphs for ASCII only; other characters become question marks.

    Args:
        picture: (H, W, 3), uint8, blue, green, red.
        text: The text.
        at: x and y of the lower left corner of the box; it is moved into the picture.
        colour: That of the box: blue, green, red.
    """
    text = text.encode('ascii', 'replace').decode()
    height, width = picture.shape[:2]
    thickness, scale = max(1, height // 480), max(0.35, height / 1200)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (long, high), below = cv2.getTextSize(text, font, scale, thickness)
    x = max(0, min(at[0], width - long))
    y = max(high + below, min(at[1], height))
    cv2.rectangle(picture, (x, y - high - below), (x + long, y), colour, -1)
    blue, green, red = colour
    is_bright = 0.114 * blue + 0.587 * green + 0.299 * red > 140
    tint = (0, 0, 0) if is_bright else (255, 255, 255)
    at = (x, y - below // 2)
    cv2.putText(picture, text, at, font, scale, tint, thickness, cv2.LINE_AA)


def draw_tracks(picture: np.ndarray, boxes: np.ndarray, numbers: np.ndarray) -> None:
    """Draw the box and the number of each tracked instance, in place.

    Args:
        picture: (H, W, 3), uint8, blue, green, red.
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        numbers: (N,), the numbers of the tracks; 0 is not drawn.
    """
    for box, number in zip(boxes, numbers.tolist(), strict=True):
        if number:
            red, green, blue, _ = colormaps['tab10'](number % 10)
            colour = (255 * blue, 255 * green, 255 * red)
            draw_boxes(picture, box[None], colour)
            x1, _, _, y2 = np.rint(box).astype(int).tolist()
            # labels are at the top
            draw_text(picture, str(number), (x1, y2), colour)
