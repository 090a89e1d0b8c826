"""Data sets that say what is wrong with the data before the first step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class CheckedData:
    """Mixin for data sets of mmengine: what is missing, empty or broken is named.

    Raises:
        FileNotFoundError: if an annotation file or a folder is missing.
        ValueError: if there is nothing to train or test on, or an image cannot be read.
    """

    environment: str = ''  # the variable that the configs read the data root from
    source: str  # where the data comes from
    contents: str  # what a sample is

    # of the data set that this is mixed into
    ann_file: str
    data_root: str
    data_prefix: dict[str, str]
    optional = ('bbox_file', 'headbox_file')

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples, after a look at the files they come from."""
        needed: list[str | None] = [self.ann_file, *self.data_prefix.values()]
        needed += [getattr(self, name, None) for name in self.optional]
        missing = [path for path in needed if path and not os.path.exists(path)]
        if missing:
            hint = ''
            if os.path.isdir(self.data_root):
                hint = 'Its folder is there: see whether ann_file and data_prefix are '
                hint += 'right. Else: '
            ways = f'Put it where data_root={self.data_root!r} points'
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
        return samples

    def prepare_data(self, idx: int) -> Any:
        """One sample; an image that cannot be read is named with its reason."""
        try:
            return super().prepare_data(idx)  # type: ignore[misc]
        except Exception as error:
            sample = self.get_data_info(idx)  # type: ignore[attr-defined]
            for path in (sample['img_path'], sample.get('seg_map_path')):
                reason = path and why_unreadable(path)
                if reason:
                    raise ValueError(
                        f'image {path} of {self.ann_file or self.data_root} {reason}: '
                        'copy it again, or take it out of the data.'
                    ) from error
            raise


def shortened(names: Sequence[str]) -> str:
    """The first names of a list."""
    return ', '.join(names[:5]) + (f', ... ({len(names)})' if names[5:] else '')


def why_unreadable(path: str) -> str | None:
    """What is wrong with an image file; None if it decodes."""
    import cv2

    if not os.path.isfile(path):
        return 'does not exist'
    if os.path.getsize(path) == 0:
        return 'is empty (0 bytes)'
    if cv2.imread(path) is None:
        return f'is no image that OpenCV can read ({os.path.getsize(path)} bytes)'
    return None
