"""Writing of videos."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

CODEC = 'mp4v'  # OpenCV encodes it without other packages


class VideoWriter:
    """Writer of an MP4 file, which has its name only when it is complete.

    Args:
        path: The path of the file; missing folders are created.
        fps: Frames per second.
        size: Width and height in pixels.

    Raises:
        OSError: If OpenCV cannot write it.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the codec drops the last row and column of an odd size
        size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        self.path, self.size = path, size
        self._part = path.with_name(f'.{path.stem}.part.mp4')
        codec = cv2.VideoWriter.fourcc(*CODEC)
        self._file = cv2.VideoWriter(str(self._part), codec, fps, size)
        if not self._file.isOpened():
            raise OSError(f'OpenCV cannot write the video {path} ({CODEC})')

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3), uint8, blue, green, red.

        Odd sizes are extended by a pixel. Frames of another size, of which OpenCV would
        write nothing, are resized.
        """
        height, width = frame.shape[:2]
        odd = (0, height % 2, 0, width % 2)
        if any(odd):
            frame = cv2.copyMakeBorder(frame, *odd, cv2.BORDER_REPLICATE)
        if frame.shape[1::-1] != self.size:
            frame = cv2.resize(frame, self.size)
        self._file.write(frame)

    def close(self) -> None:
        """Complete the file."""
        self._file.release()
        self._part.replace(self.path)
