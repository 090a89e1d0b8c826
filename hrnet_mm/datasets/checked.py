"""Mixins for data sets that report missing, empty or damaged data."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.logging import print_log

from hrnet_mm.engine.freed_memory import keep_freed_memory
from hrnet_mm.engine.seeding import seed_once
from hrnet_mm.messages import counted

from .annotations import normalize_annotations, read_json
from .image_files import read_orientation, why_unreadable

USE_STORED_ORIENTATION = (
    "set color_type='color_ignore_orientation' of LoadImage or LoadImageFromFile in "
    'every pipeline'
)


class CheckedData:
    """A mixin for data sets of mmengine that reports missing, empty or damaged files.

    With ``hrnet_mm.SeededSampler``, the augmentation of a sample depends only on the
    seed of the job, the epoch and the index.

    Raises:
        FileNotFoundError: If an annotation file or a folder is missing.
        ValueError: If there is no sample, an image cannot be read, or ``classes`` is a
            single string.
    """

    environment: str = ''  # the variable with the data root in the configs
    source: str  # how to get the data; for messages
    contents: str  # what a sample is; for messages
    by_pixel = True  # whether labels depend on the orientation of the image

    # attributes of the data set that this is mixed into
    ann_file: str
    data_root: str
    data_prefix: dict[str, str]
    backend_args: dict[str, Any] | None = None
    optional = ('bbox_file', 'headbox_file')

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        found = super()._load_metainfo(metainfo)  # type: ignore[misc]
        if isinstance(found.get('classes'), str):  # mmengine found no such file
            raise ValueError(
                f'metainfo.classes of {cls.__name__} is the string '
                f'{found["classes"]!r}: each letter would be a class. Write a tuple, '
                f'with a comma also after a single class: ({found["classes"]!r},)'
            )
        return found

    def load_data_list(self) -> list[dict[str, Any]]:
        """Check that all files exist, then return the samples."""
        needed: list[str | None] = [self.ann_file, *self.data_prefix.values()]
        needed += [getattr(self, name, None) for name in self.optional]
        missing = [path for path in needed if path and self._is_missing(path)]
        if missing:
            hint = ''
            if os.path.isdir(self.data_root):
                hint = 'The data root exists: check ann_file and data_prefix. '
                hint += 'Otherwise: '
            ways = f'Copy it to data_root={self.data_root!r}'
            if self.environment:
                now = os.environ.get(self.environment)
                ways += f', or set {self.environment}=FOLDER in the environment'
                ways += f' (it is {now})' if now else ''
            raise FileNotFoundError(
                f'{type(self).__name__} finds no {" and no ".join(missing)} '
                f'(in {Path.cwd()}). {hint}{self.source} {ways}.'
            )
        samples = super().load_data_list()  # type: ignore[misc]
        if not samples:
            raise ValueError(
                f'{self.ann_file or " ".join(self.data_prefix.values())} holds no '
                f'{self.contents}: '
                'there is nothing to train or test on.'
            )
        if self.by_pixel:
            self._warn_of_rotated(list(dict.fromkeys(s['img_path'] for s in samples)))
        return samples

    def _warn_of_rotated(self, paths: list[str], sampled: int = 200) -> None:
        # some tools annotate the stored image, but loaders rotate it by its EXIF data
        if any('ignore_orientation' in kind for kind in self._color_types()):
            return
        step = -(-len(paths) // sampled)  # rounded up
        paths = [path for path in paths[::step] if _is_local(path, self.backend_args)]
        turned = [path for path in paths if read_orientation(path) > 1]
        if turned:
            print_log(
                f'{type(self).__name__}: {len(turned)} of {len(paths)} images have an '
                f'EXIF orientation (first: {turned[0]}) and are rotated when they are '
                'loaded, in training, testing and prediction. If their annotations '
                f'belong to the stored images, {USE_STORED_ORIENTATION}',
                'current',
                logging.WARNING,
            )

    def _color_types(self) -> list[str]:
        transforms = self.pipeline.transforms  # type: ignore[attr-defined]
        return [getattr(transform, 'color_type', '') for transform in transforms]

    def _is_missing(self, path: str) -> bool:
        return _is_local(path, self.backend_args) and not os.path.exists(path)

    def prepare_data(self, idx: int) -> Any:
        """Return a sample, or raise an error with the path of an unreadable image."""
        keep_freed_memory()
        idx = seed_once(idx)
        try:
            return super().prepare_data(idx)  # type: ignore[misc]
        except Exception as error:
            info = self.get_data_info(idx)  # type: ignore[attr-defined]
            self.raise_if_unreadable(info, error)
            raise

    def raise_if_unreadable(self, info: dict[str, Any], error: Exception) -> None:
        """Raise an error with the path of a file of a sample that cannot be read.

        Args:
            info: The sample, with ``img_path``.
            error: What was raised when the sample was loaded; the cause of the new one.

        Raises:
            ValueError: If there is such a file.
        """
        labels = (info.get(key) for key in ('seg_map_path', 'depth_map_path'))
        for path in (info['img_path'], *labels):
            if not path or not _is_local(path, self.backend_args):
                continue
            if reason := why_unreadable(path):
                raise ValueError(
                    f'image {path} of {self.ann_file or self.data_root} {reason}: '
                    'copy it again, or remove it from the data.'
                ) from error


class CheckedCoco(CheckedData):
    """A mixin for data sets with a COCO annotation file.

    The library reads a normalized copy of the file (``normalize_annotations``). The
    size of every loaded image is compared with that in the file.

    Raises:
        AnnotationError: If an entry of the annotation file is ambiguous or invalid.
        ValueError: Also if an image has another size than in the annotation file.

    Attributes:
        given_file: The annotation file of the config.
    """

    thing: str  # what an annotation describes; for messages
    reader = staticmethod(read_json)  # of data sets with a format of their own

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return the samples, and log how many objects are left out for each reason."""
        self.given_file = self.ann_file
        self._left_out: dict[str, list[str]] = {}
        self._number = 0
        self._sizes: dict[int, tuple[int, int]] = {}
        if not self._is_missing(self.ann_file):
            images = self.data_prefix.get('img', '')
            self.ann_file = normalize_annotations(
                self.ann_file, images, self.backend_args, self.reader
            )
        samples = super().load_data_list()
        for reason, places in self._left_out.items():
            many = len(places) > self._number / 2
            self._say(
                f'{counted(len(places), self.thing)} of {self._number} {reason} '
                f'(first: {places[0]})',
                logging.WARNING if many else logging.INFO,
            )
        return samples

    def prepare_data(self, idx: int) -> Any:
        """Return a sample after comparing the size of its image."""
        sample = super().prepare_data(idx)
        packed = sample.get('data_samples', []) if isinstance(sample, dict) else []
        # a list of views, if they are augmented for a test
        for view in packed if isinstance(packed, list) else [packed]:
            self.check_size(view)
        return sample

    def check_size(self, packed: Any) -> None:
        """Compare the size of a loaded image with that in the annotation file.

        Args:
            packed: A data sample, with ``img_id`` and ``ori_shape``.

        Raises:
            ValueError: If the sizes differ.
        """
        known = self._sizes.get(packed.get('img_id'))
        loaded = packed.get('ori_shape')
        if known and loaded and tuple(loaded[1::-1]) != known:
            raise ValueError(self._other_size(packed, loaded[1::-1], known))

    def _other_size(
        self, packed: Any, loaded: tuple[int, int], known: tuple[int, int]
    ) -> str:
        path = packed.get('img_path')
        message = (
            f'image {path} is {loaded[0]} x {loaded[1]} (width x height) as it is '
            f'loaded, and {known[0]} x {known[1]} in {self.given_file}: '
        )
        if _is_local(path, self.backend_args) and read_orientation(path) > 4:
            return message + (
                'its EXIF orientation turns it. If its annotations belong to the '
                f'stored image, {USE_STORED_ORIENTATION}'
            )
        return message + (
            'it was resized or rotated after it was annotated. Annotate the new image, '
            'or scale the annotations with it'
        )

    def _say(self, what: str, level: int = logging.WARNING) -> None:
        message = f'{type(self).__name__} leaves out of {self.given_file}: {what}'
        print_log(message, 'current', level)


def _is_local(path: str, backend_args: dict[str, Any] | None) -> bool:
    return isinstance(get_file_backend(path, backend_args=backend_args), LocalBackend)
