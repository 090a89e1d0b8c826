"""Functions for images with any number of channels and any bit depth."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch

DTYPES = ('uint8', 'uint16', 'float32', 'float64')

PNG = b'\x89PNG\r\n\x1a\n'
# Chunks of PNG files that change the image: transparency, rotation, animation.
CHUNKS = (b'tRNS', b'eXIf', b'acTL')
LARGEST = 1 << 28  # pixels; OpenCV refuses more than four times as many


def drawable(image: np.ndarray) -> np.ndarray:
    """Convert an image to three channels of 8 bits, to draw on it.

    With fewer than three channels the first one is shown in grey, with more the first
    three. Values outside of 0 to 255, or of at most 1, are scaled from their own range.

    Args:
        image: (H, W) or (H, W, C), of any dtype.

    Returns:
        (H, W, 3), uint8.
    """
    channels = image[..., None] if image.ndim == 2 else image
    drawn = channels[..., [0, 0, 0] if channels.shape[2] < 3 else [0, 1, 2]]
    if drawn.dtype != np.uint8:
        drawn = np.nan_to_num(drawn.astype(np.float32))
        low, high = float(drawn.min()), float(drawn.max())
        if low < 0 or high > 255 or high <= 1:
            drawn = (drawn - low) / max(high - low, 1e-12) * 255
    return np.ascontiguousarray(drawn, np.uint8)


def positive_strides(image: np.ndarray) -> np.ndarray:
    """Return an image of the same values whose rows and columns have positive strides.

    ``mmcv.imflip`` returns a view with negative strides, which numpy and OpenCV copy
    pixel by pixel. ``cv2.flip`` makes the same image much faster.

    Args:
        image: (H, W) or (H, W, C), of any dtype.
    """
    vertical, horizontal = (stride < 0 for stride in image.strides[:2])
    if not (vertical or horizontal):
        return image
    if image.dtype.name not in DTYPES:
        return np.ascontiguousarray(image)
    stored = image[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    code = -1 if vertical and horizontal else int(horizontal)
    return cv2.flip(stored, code).reshape(image.shape)


def channels_first(image: np.ndarray) -> torch.Tensor:
    """Convert an image to a tensor, (C, H, W), that shares its memory if it can.

    The stock transforms of all libraries copy it to the contiguous format in the
    loader. Their data preprocessors do that, too, when they reorder the channels.

    Args:
        image: (H, W) or (H, W, C), of any dtype.
    """
    image = np.ascontiguousarray(positive_strides(np.atleast_3d(image)))
    return torch.from_numpy(image).permute(2, 0, 1)


def planes(image: np.ndarray) -> torch.Tensor:
    """Copy an image to a contiguous tensor, (C, H, W).

    ``cv2.split`` is faster than a copy of a transposed view.

    Args:
        image: (H, W) or (H, W, C), of a dtype that OpenCV supports.
    """
    if image.ndim == 2:
        return torch.from_numpy(image)[None]
    channels = np.empty((image.shape[2], *image.shape[:2]), image.dtype)
    cv2.split(image, [*channels])
    return torch.from_numpy(channels)


@cache
def _png_decoder() -> Any:
    try:
        from kornia_rs import io
    except ImportError:  # there are platforms without a wheel
        return None
    return getattr(io, 'decode_image_png_u8', None)


def decode_png(content: bytes) -> np.ndarray | None:
    """Decode a PNG file of 8 bits per channel, grey or RGB, with kornia-rs.

    It is faster than OpenCV and Pillow, most of all for label maps
    (``python -m benchmarks.loading segmentation --profile``).

    Args:
        content: A file of any format.

    Returns:
        (H, W) or (H, W, 3) in the order RGB, uint8. None if the file is not such a PNG
        file, has an error or a chunk that changes the image, or if kornia-rs is not
        installed: the caller then decodes it with another library.
    """
    decoder = _png_decoder()
    # signature, length and name of the first chunk, and its five fields
    if decoder is None or content[:8] != PNG or len(content) < 33:
        return None
    width, height, bits, colour = struct.unpack('>IIBB', content[16:26])
    mode = {0: 'mono', 2: 'rgb'}.get(colour)
    if bits != 8 or mode is None or width * height > LARGEST:
        return None
    if any(chunk in content for chunk in CHUNKS):
        return None
    try:
        image = decoder(content, (height, width), mode)
    except Exception:  # kornia-rs has no other class of errors
        return None
    return image.reshape(height, width, *([3] if mode == 'rgb' else []))


class ReadArrays:
    """A transform that converts arrays as if they were loaded from image files.

    Args:
        loader: The config of the transform that loads images. Its ``color_type``
            determines how grey images, a fourth channel and 16 bits are converted, as
            in ``mmcv.imread``.

    Raises:
        ValueError: If an array is not an image, or if ``color_type`` does not support
            its channels.
    """

    def __init__(self, loader: dict[str, Any]) -> None:
        self.color_type = loader.get('color_type', 'color')

    def __call__(self, given: Any) -> Any:
        """Convert an array or ``img`` of a results dict; pass on anything else."""
        if isinstance(given, np.ndarray):
            return self.read(given)
        if isinstance(given, dict) and 'img' in given:
            return dict(given, img=self.read(given['img']))
        return given

    def read(self, image: np.ndarray) -> np.ndarray:
        """Convert an image to BGR or grey, 8 bits, as ``color_type`` requires.

        Args:
            image: (H, W) or (H, W, C), of one of ``DTYPES``.
        """
        if image.ndim not in (2, 3) or image.dtype not in DTYPES:
            raise ValueError(
                f'an array of shape {image.shape} and dtype {image.dtype} is not an '
                f'image: use (H, W) or (H, W, channels) of {", ".join(DTYPES)}'
            )
        if self.color_type == 'unchanged':
            return image
        channels = 1 if image.ndim == 2 else image.shape[2]
        if channels not in (1, 3, 4):
            raise ValueError(
                f'an image of {channels} channels is neither grey nor BGR nor BGRA: '
                "use one of these, or set color_type='unchanged' (now "
                f'{self.color_type!r}) in the transform that loads images in '
                'test_dataloader.dataset.pipeline'
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
    """Return the config of the transform that loads images; ``{}`` if there is none."""
    loaders = ('LoadImage', 'InferencerLoader')
    return next(
        (step for step in pipeline if any(n in str(step['type']) for n in loaders)), {}
    )


def check_channels(model: Any) -> None:
    """Check that the data preprocessor of a model fits the channels of its trunk.

    Raises:
        ValueError: If its ``mean`` has another number of values, or if it reorders the
            channels of images that do not have three.
    """
    channels = getattr(getattr(model, 'backbone', None), 'in_channels', None)
    preprocessor = getattr(model, 'data_preprocessor', None)
    if channels is None or preprocessor is None:
        return
    mean = getattr(preprocessor, 'mean', None)
    if mean is not None and mean.numel() not in (1, channels):
        raise ValueError(
            f'model.data_preprocessor.mean has {mean.numel()} values, but the images '
            f'have {channels} channels (model.backbone.in_channels): set mean and std '
            f'to {channels} values'
        )
    # in mmpose and mmdet; the other libraries reorder only images of three channels
    if getattr(preprocessor, '_channel_conversion', False) and channels != 3:
        raise ValueError(
            f'model.data_preprocessor reorders three channels, but the images have '
            f'{channels} (model.backbone.in_channels): set '
            'model.data_preprocessor.bgr_to_rgb=False'
        )
