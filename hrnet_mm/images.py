"""Images of any number of channels, of 8 bits or more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

TYPES = ('uint8', 'uint16', 'float32', 'float64')


def drawable(image: np.ndarray) -> np.ndarray:
    """Return an image that can be drawn on: (H, W, 3), 8 bits.

    Fewer than three channels show the first one in grey, more show the first three.
    Numbers that are not from 0 to 255 are scaled from their own range.

    Args:
        image: (H, W) or (H, W, C), of any type.
    """
    channels = image[..., None] if image.ndim == 2 else image
    picture = channels[..., [0, 0, 0] if channels.shape[2] < 3 else [0, 1, 2]]
    if picture.dtype != np.uint8:
        picture = np.nan_to_num(picture.astype(np.float32))
        low, high = float(picture.min()), float(picture.max())
        if low < 0 or high > 255 or high <= 1:
            picture = (picture - low) / max(high - low, 1e-12) * 255
    return np.ascontiguousarray(picture, np.uint8)


class ReadArrays:
    """A step before a test pipeline: arrays become what files of them would be.

    Args:
        loader: The step of the pipeline that loads images, as the config has it. Its
            ``color_type`` says what becomes of grey, of a fourth channel and of 16
            bits, as ``mmcv.imread`` does it with a file.

    Raises:
        ValueError: if an array is no image, or the loader could not read its like.
    """

    def __init__(self, loader: dict[str, Any]) -> None:
        self.color_type = loader.get('color_type', 'color')

    def __call__(self, given: Any) -> Any:
        """Read an array, alone or as ``img`` of results; pass on all else."""
        if isinstance(given, np.ndarray):
            return self.read(given)
        if isinstance(given, dict) and 'img' in given:
            return dict(given, img=self.read(given['img']))
        return given

    def read(self, image: np.ndarray) -> np.ndarray:
        """Blue, green, red or grey of 8 bits; with ``unchanged`` the array itself."""
        if image.ndim not in (2, 3) or image.dtype not in TYPES:
            raise ValueError(
                f'an array of shape {image.shape} and type {image.dtype} is no image: '
                f'give (H, W) or (H, W, channels), of {", ".join(TYPES)}'
            )
        if self.color_type == 'unchanged':
            return image
        channels = 1 if image.ndim == 2 else image.shape[2]
        if channels not in (1, 3, 4):
            raise ValueError(
                f'an image of {channels} channels is neither grey nor BGR nor BGRA: '
                "give one of these, or set color_type='unchanged' of the step that "
                'loads images in test_dataloader.dataset.pipeline (it is '
                f'{self.color_type!r})'
            )
        if image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        if image.dtype == np.float64:
            image = image.astype(np.float32)
        if channels == 1:
            image = image.reshape(image.shape[:2])
            is_grey = self.color_type.startswith('grayscale')
            return image if is_grey else np.repeat(image[..., None], 3, axis=2)
        image = np.ascontiguousarray(image[..., :3])
        if self.color_type.startswith('grayscale'):
            return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return image


def loader_of(pipeline: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the step of a pipeline that loads images; ``{}`` if there is none."""
    loaders = ('LoadImage', 'InferencerLoader')
    return next(
        (step for step in pipeline if any(n in str(step['type']) for n in loaders)), {}
    )


def check_channels(model: Any) -> None:
    """Refuse a preprocessor that is of other images than the trunk takes.

    Raises:
        ValueError: if its ``mean`` has another number of values, or if it would
            reorder the channels of images that have not three.
    """
    taken = getattr(getattr(model, 'backbone', None), 'in_channels', None)
    given = getattr(model, 'data_preprocessor', None)
    if taken is None or given is None:
        return
    mean = getattr(given, 'mean', None)
    if mean is not None and mean.numel() not in (1, taken):
        raise ValueError(
            f'model.data_preprocessor.mean has {mean.numel()} values, and the images '
            f'have {taken} channels (model.backbone.in_channels): give mean and std '
            f'{taken} values'
        )
    # of mmpose and mmdet; the others reorder three channels only
    if getattr(given, '_channel_conversion', False) and taken != 3:
        raise ValueError(
            f'model.data_preprocessor reorders three channels, and the images have '
            f'{taken} (model.backbone.in_channels): set '
            'model.data_preprocessor.bgr_to_rgb=False'
        )
