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

        Frames of another size, of which OpenCV would write nothing, are resized.
        """
        if frame.shape[1::-1] != self.size:
            frame = cv2.resize(frame, self.size)
        self._file.write(frame)

    def close(self) -> None:
        """Complete the file."""
        self._file.release()
        self._part.replace(self.path)
