"""The images to predict: files, folders, patterns, URLs, videos and cameras."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import mmcv
import numpy as np
from mmengine import fileio

IMAGE_SUFFIXES = (
    '.bmp', '.gif', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp',
)  # fmt: skip
VIDEO_SUFFIXES = (
    '.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv',
)  # fmt: skip
CAMERA_FPS = 25.0  # for a camera or video that does not tell


class SkippedImage(ValueError):
    """An error for an image or video that cannot be predicted, unlike the others."""


@dataclass(frozen=True)
class Video:
    """A video or a camera.

    Attributes:
        number: The number of the video among the sources, from 1.
        source: The path, the URL, or the number of the camera.
        name: The path of its output relative to the output folder, without suffix.
        fps: Frames per second.
    """

    number: int
    source: str
    name: str
    fps: float


@dataclass(frozen=True)
class Frame:
    """An image to predict.

    Attributes:
        source: The path or URL of the image or its video.
        name: The path of its outputs relative to the output folder, without suffix.
        file_name: The path relative to the given folder, as in annotation files.
        video: The video that it is a part of.
        index: The number of the frame in its video, from 0.
        pixels: The pixels of a frame of a video, (H, W, 3), blue, green, red.
    """

    source: str
    name: str
    file_name: str
    video: Video | None = None
    index: int = 0
    pixels: np.ndarray | None = None

    def read(self, loader: dict[str, Any]) -> np.ndarray:
        """Return the pixels as the pipeline of a model would load them.

        Args:
            loader: The config of the transform that loads images. By default, images
                become blue, green, red with 8 bits, upright by their EXIF data.

        Raises:
            SkippedImage: If the file is missing, damaged, or not an image.
        """
        if self.pixels is not None:
            return self.pixels
        content = None
        try:
            content = fileio.get(self.source)
            image = mmcv.imfrombytes(
                content,
                flag=loader.get('color_type', 'color'),
                backend=loader.get('imdecode_backend', 'cv2'),
            )
        except Exception as error:  # of any decoder or file backend
            why = 'is empty' if content == b'' else f'cannot be read: {error}'
            raise SkippedImage(f'{self.source} {why}') from None
        if image is None or _is_cut_off(content):
            what = 'is cut off' if _is_cut_off(content) else 'is not an image'
            raise SkippedImage(f'{self.source} {what} ({len(content)} bytes)')
        return image


def _is_cut_off(content: bytes) -> bool:
    # OpenCV decodes a JPEG file without its end, and fills the rest with grey; the
    # thumbnail in the EXIF data has an end of its own, near the start
    is_jpeg = content.startswith(b'\xff\xd8')
    return is_jpeg and content.rfind(b'\xff\xd9') < len(content) / 2


class Sources:
    """All images of a list of sources, in order.

    Args:
        sources: Images, folders (searched recursively), patterns such as ``a/*.jpg``,
            videos, URLs of images or videos, and numbers of cameras.

    Attributes:
        failures: Messages about files that could not be read so far.

    Raises:
        ValueError: If a source does not exist or has no image.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self.failures: list[str] = []
        self._names: set[str] = set()
        once: dict[str, tuple[str, str]] = {}
        for source in sources:
            for item in self._expand(source):
                once.setdefault(_identity(item[0]), item)
        self._items = [*once.values()]

    def __len__(self) -> int:
        """Return the number of images, 0 if it is unknown, as of a camera."""
        counts = [_count_frames(source) for source, _ in self._items]
        return sum(counts) if all(counts) else 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; a video that cannot be read is added to ``failures``."""
        for number, (source, file_name) in enumerate(self._items, start=1):
            name = self._unique(file_name)
            if not _is_video(source):
                yield Frame(source, name, file_name)
                continue
            try:
                yield from _read_video(number, source, name, file_name)
            except SkippedImage as error:
                self.failures.append(str(error))

    @property
    def files(self) -> list[str]:
        """The paths of all images and videos, without URLs and cameras."""
        found = [source for source, _ in self._items if '://' not in source]
        return [source for source in found if not _is_camera(source)]

    @property
    def images(self) -> list[str]:
        """The paths and URLs of the images, without videos."""
        return [source for source, _ in self._items if not _is_video(source)]

    def keep(self, chosen: Callable[[str], bool]) -> list[str]:
        """Keep some of the images only; return the paths and URLs of the others."""
        left_out = [source for source in self.images if not chosen(source)]
        others = set(left_out)
        self._items = [item for item in self._items if item[0] not in others]
        return left_out

    def _expand(self, source: str) -> Iterator[tuple[str, str]]:
        # paths, and names relative to the folder that was given
        if _is_camera(source) or '://' in source:
            yield source, Path(urlsplit(source).path).name or source
            return
        path = Path(source).expanduser()
        if path.is_dir():
            root, found = path, sorted(p for p in path.rglob('*') if _has_images(p))
        elif not path.is_file() and has_magic(source):
            found = sorted(map(Path, glob(os.path.expanduser(source), recursive=True)))
            found = [p for p in found if _has_images(p)]
            root = Path(os.path.commonpath([p.parent for p in found] or [Path()]))
        elif path.exists():
            root, found = path.parent, [path]
        else:
            raise ValueError(
                f'{source} does not exist (in {Path.cwd()}): give an image, a folder, '
                "a pattern such as 'photos/*.jpg', a video, a URL, or the number of a "
                'camera, such as 0'
            )
        if not found:
            raise ValueError(
                f'{source} has no image or video with one of the suffixes '
                f'{" ".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)}'
            )
        for file in found:
            yield str(file), file.relative_to(root).as_posix()

    def _unique(self, file_name: str) -> str:
        stem = Path(file_name).with_suffix('').as_posix()
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f'{stem}_{number}'
        self._names.add(name)
        return name


def _identity(source: str) -> str:
    is_file = not _is_camera(source) and '://' not in source
    return str(Path(source).resolve()) if is_file else source


def _is_camera(source: str) -> bool:
    return source.isascii() and source.isdigit() and not Path(source).exists()


def _has_images(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in IMAGE_SUFFIXES + VIDEO_SUFFIXES and path.is_file()


def _is_video(source: str) -> bool:
    suffix = Path(urlsplit(source).path if '://' in source else source).suffix
    return _is_camera(source) or suffix.lower() in VIDEO_SUFFIXES


def _count_frames(source: str) -> int:
    if not _is_video(source):
        return 1
    if _is_camera(source) or '://' in source:
        return 0
    return max(int(cv2.VideoCapture(source).get(cv2.CAP_PROP_FRAME_COUNT)), 0)


def _read_video(number: int, source: str, name: str, file_name: str) -> Iterator[Frame]:
    with tempfile.TemporaryDirectory() as folder:
        path: Any = int(source) if _is_camera(source) else source
        if '://' in source:  # OpenCV may have been built without network streams
            path = str(Path(folder, 'video').with_suffix(Path(file_name).suffix))
            try:
                Path(path).write_bytes(fileio.get(source))
            except Exception as error:
                raise SkippedImage(f'{source} cannot be read: {error}') from None
        capture = cv2.VideoCapture(path)
        try:
            yield from _read_frames(capture, number, source, name, file_name)
        finally:
            capture.release()


def _read_frames(
    capture: Any, number: int, source: str, name: str, file_name: str
) -> Iterator[Frame]:
    is_camera = _is_camera(source)
    what = f'the camera {source}' if is_camera else source
    if not capture.isOpened():
        raise SkippedImage(f'{what} cannot be opened')
    name = f'camera_{name}' if is_camera else name
    video = Video(number, source, name, capture.get(cv2.CAP_PROP_FPS) or CAMERA_FPS)
    total = 0 if is_camera else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    index = 0
    while True:
        is_read, pixels = capture.read()
        if not is_read:
            break
        frame_name = f'{name}/{index:06d}'
        yield Frame(source, frame_name, file_name, video, index, pixels)
        index += 1
    # the number in the file is an estimate for some formats
    if not index or index + max(2, total // 50) < total:
        raise SkippedImage(f'{what} is damaged: {index} of {total} frames can be read')
