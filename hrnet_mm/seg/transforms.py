"""Transforms: a check of label maps, and faster ones of MMSegmentation."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv import transforms as general
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmengine import fileio
from mmseg.datasets import transforms as stock
from numpy import random
from PIL import Image

from hrnet_mm.datasets.packing import PacksView
from hrnet_mm.images import decode_png, positive_strides
from hrnet_mm.messages import shortened
from hrnet_mm.registry import TRANSFORMS

NO_CLASS = 254  # LabelMaps maps values to it that are not in label_values
OTHER_VALUES = (
    '; if the files use other values for the {} classes, set label_values of '
    'hrnet_mm.LabelMaps'
)
ZERO_IS_NO_CLASS = (
    '; if 0 means unlabelled and the classes are 1 to {}, set reduce_zero_label=True '
    'of the data set'
)


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """Check that a label map matches its image and the classes.

    Use it after ``LoadAnnotations``. Without it, an invalid label fails with a CUDA
    assertion in training and is ignored in testing, and MMSegmentation reads the lowest
    eight bits of files with 16 bits.

    Args:
        num_classes: Number of classes; the default is that of the data set, if it is
            one of hrnet_mm.
        ignore_index: Label of ignored pixels; the default is that of the data set, if
            it is one of hrnet_mm, else 255.

    Raises:
        ValueError: If size or values are invalid; the message names the file.
    """

    def __init__(
        self, num_classes: int | None = None, ignore_index: int | None = None
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``results`` unchanged."""
        if 'gt_seg_map' not in results:  # inferencers have no labels
            return results
        labels = results['gt_seg_map']
        size, labelled = results['ori_shape'][:2], labels.shape
        if tuple(labelled) != tuple(size):
            fix = 'save it at the size of the image'
            if len(labelled) > 2:
                fix = 'save class indices instead of colours'
            raise ValueError(
                f'{results["seg_map_path"]} has (height, width, ...) {labelled}, but '
                f'its image {results["img_path"]} has {tuple(size)}. A label map needs '
                f'one number for each pixel of its image: {fix}'
            )
        self._check_values(results)
        return results

    def _check_values(self, results: dict[str, Any]) -> None:
        # reports labels as the file stores them, before reduce_zero_label
        num_classes = self.num_classes or results['num_classes']
        ignored = self.ignore_index
        if ignored is None:
            ignored = results.get('ignore_index', 255)
        path, first = results['seg_map_path'], int(results['reduce_zero_label'])
        labels, values = results['gt_seg_map'], results.get('label_values')
        wrong = labels[(labels >= num_classes) & (labels != ignored)]
        found = set((wrong.astype(int) + first).tolist()) | _labels_above_255(path)
        if not found:
            return
        if values:
            found = (read_labels(path) or found) - {*values, ignored}
            classes, fix = f'label_values={values}', ''
        else:
            classes = f'{first} to {num_classes - 1 + first}'
            fix = OTHER_VALUES.format(num_classes)
            fix += '' if first else ZERO_IS_NO_CLASS.format(num_classes)
        raise ValueError(
            f'{path} has label {shortened([*map(str, sorted(found))])}; the '
            f'{num_classes} classes are {classes}, and {ignored} is ignored. '
            f'Correct the file, or add the class to metainfo and num_classes{fix}'
        )


def _open(path: str) -> Image.Image:
    from hrnet_mm.datasets.image_files import open_image  # not for `import hrnet_mm`

    return open_image(path)


def _labels_above_255(path: str) -> set[int]:
    # mmseg keeps their lowest eight bits
    if not Path(path).is_file():  # on remote storage
        return set()
    with _open(path) as image:  # reads only the header
        if image.mode in ('1', 'L', 'P', 'RGB', 'RGBA'):
            return set()
    return {label for label in read_labels(path) if label > 255}


def read_labels(path: str | None) -> set[int]:
    """Return the labels of a local file; empty for colour images and broken files."""
    if path is None or not Path(path).is_file():
        return set()
    try:
        with _open(path) as image:
            labels = np.asarray(image)
    except OSError:  # `CheckedData` reports the file when it loads the sample
        return set()
    return set(np.unique(labels).astype(int).tolist()) if labels.ndim == 2 else set()


LEVELS = np.arange(256, dtype=np.uint8)


@TRANSFORMS.register_module()
class LoadImageFromFile(general.LoadImageFromFile):
    """``LoadImageFromFile`` of mmcv that decodes PNG files faster.

    The pixels are the same. See ``hrnet_mm.images.decode_png``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Add ``img``, (H, W, 3), BGR, and its shapes."""
        path = str(results['img_path'])
        usual = (self.color_type, self.imdecode_backend) == ('color', 'cv2')
        other = self.to_float32 or self.ignore_empty or self.file_client_args
        if other or not usual or not path.lower().endswith('.png'):
            return super().transform(results)
        image = decode_png(fileio.get(path, backend_args=self.backend_args))
        if image is None:
            return super().transform(results)
        code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
        results['img'] = cv2.cvtColor(image, code)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadLabels(stock.LoadAnnotations):
    """``LoadAnnotations`` of MMSegmentation that decodes and maps labels faster.

    The labels are the same. See ``hrnet_mm.images.decode_png``.
    """

    def _load_seg_map(self, results: dict[str, Any]) -> None:
        path, first = results['seg_map_path'], results['reduce_zero_label']
        labels = None
        if self.imdecode_backend == 'pillow' and self.reduce_zero_label in (
            None,
            first,
        ):
            labels = decode_png(fileio.get(path, backend_args=self.backend_args))
        if labels is None or labels.ndim != 2:
            super()._load_seg_map(results)
            return
        table = LEVELS.copy()
        if first:  # 0, which has no class, becomes 255, which is ignored
            table[1:255], table[[0, 255]] = LEVELS[:254], 255
        unmapped = table.copy()
        for value, label in (results.get('label_map') or {}).items():
            table[unmapped == value] = label
        same = np.array_equal(table, LEVELS)
        results['gt_seg_map'] = labels if same else cv2.LUT(labels, table)
        results['seg_fields'].append('gt_seg_map')


@TRANSFORMS.register_module()
class PackSegInputs(PacksView, stock.PackSegInputs):
    """``PackSegInputs`` of MMSegmentation that does not copy the image."""


@TRANSFORMS.register_module()
class RandomCrop(stock.RandomCrop):
    """``RandomCrop`` of MMSegmentation that counts labels without sorting them.

    The random numbers and the crops are the same.
    """

    @cache_randomness
    def crop_bbox(self, results: dict[str, Any]) -> tuple[int, int, int, int]:
        """Draw top, bottom, left and right of the crop."""
        if 'gt_bboxes' in results:
            raise ValueError(
                'hrnet_mm.RandomCrop crops images and label maps, not boxes: use '
                'mmdet.RandomCrop'
            )
        labels = results.get('gt_seg_map')  # depth maps come without
        is_usual = labels is not None and labels.dtype == np.uint8
        if not is_usual or not 0 <= self.ignore_index < 256:
            return super().crop_bbox(results)
        box = self._draw(results['img'].shape)
        if self.cat_max_ratio < 1:
            for _ in range(10):
                if self._is_mixed(self.crop(labels, box)):
                    break
                box = self._draw(results['img'].shape)
        return box

    def _draw(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        height, width = self.crop_size
        top = random.randint(0, max(shape[0] - height, 0) + 1)
        left = random.randint(0, max(shape[1] - width, 0) + 1)
        return top, top + height, left, left + width

    def _is_mixed(self, labels: np.ndarray) -> bool:
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(int)
        counts[self.ignore_index] = 0
        largest = counts.max() / max(counts.sum(), 1)
        return bool(np.count_nonzero(counts) > 1 and largest < self.cat_max_ratio)


@TRANSFORMS.register_module()
class PhotoMetricDistortion(stock.PhotoMetricDistortion):
    """``PhotoMetricDistortion`` of MMSegmentation by tables of the 256 levels.

    The random numbers and the pixels are the same. Images of other than 8 bits are
    changed by MMSegmentation.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change brightness, contrast, saturation and hue of ``img`` at random."""
        if results['img'].dtype != np.uint8:
            by_mmseg = copy(self)
            by_mmseg.__class__ = stock.PhotoMetricDistortion
            return by_mmseg.transform(results)
        return super().transform(dict(results, img=positive_strides(results['img'])))

    def convert(self, img: np.ndarray, alpha: float = 1, beta: float = 0) -> np.ndarray:
        """Return ``alpha * img + beta``, from 0 to 255."""
        return cv2.LUT(img, super().convert(LEVELS, alpha, beta))

    def saturation(self, img: np.ndarray) -> np.ndarray:
        """Scale the saturation with a probability of one half."""
        if not random.randint(2):
            return img
        factor = random.uniform(self.saturation_lower, self.saturation_upper)
        return _change_hsv(img, 1, super().convert(LEVELS, factor))

    def hue(self, img: np.ndarray) -> np.ndarray:
        """Rotate the hue, of 180 levels, with a probability of one half."""
        if not random.randint(2):
            return img
        angle = random.randint(-self.hue_delta, self.hue_delta)
        return _change_hsv(img, 0, (LEVELS.astype(int) + angle) % 180)


def _change_hsv(image: np.ndarray, channel: int, table: np.ndarray) -> np.ndarray:
    tables = np.repeat(LEVELS[None, :, None], 3, axis=2)
    tables[0, :, channel] = table
    changed = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_BGR2HSV), tables)
    return cv2.cvtColor(changed, cv2.COLOR_HSV2BGR)
