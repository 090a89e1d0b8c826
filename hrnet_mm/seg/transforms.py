"""A look at the labels before they are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from hrnet_mm.messages import shortened
from hrnet_mm.registry import TRANSFORMS

NO_CLASS = 254  # what LabelMaps makes of a value that is none of label_values
OTHER_VALUES = (
    '; if other numbers stand for the {} classes, set label_values of '
    'hrnet_mm.LabelMaps'
)
ZERO_IS_NO_CLASS = (
    '; if 0 means unlabelled and the classes are 1 to {}, set reduce_zero_label=True '
    'of the data set'
)


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """After ``LoadAnnotations``: a label map fits its image and the classes.

    On a GPU a label that is too large ends the job far from its cause, in testing it
    is not counted, and of a file of 16 bits mmseg keeps the lowest eight.

    Args:
        num_classes: By default those of the data set, if it is one of ours.
        ignore_index: The label of pixels that do not count; by default that of the data
            set, if it is one of ours, else 255.

    Raises:
        ValueError: if size or values do not fit; names the file.
    """

    def __init__(
        self, num_classes: int | None = None, ignore_index: int | None = None
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Leave ``results`` as they are."""
        if 'gt_seg_map' not in results:  # an image alone, in an inferencer
            return results
        labels = results['gt_seg_map']
        size, labelled = results['ori_shape'][:2], labels.shape
        if tuple(labelled) != tuple(size):
            way = 'write it again at that size'
            if len(labelled) > 2:
                way = 'write it again with the number of the class in place of colours'
            raise ValueError(
                f'{results["seg_map_path"]} has (height, width, ...) {labelled}, '
                f'its image {results["img_path"]} {tuple(size)}: a label map is one '
                f'number for each pixel of its image; {way}'
            )
        self.check_values(results)
        return results

    def check_values(self, results: dict[str, Any]) -> None:
        """Refuse labels that are neither a class nor ignored; as the file has them."""
        num_classes = self.num_classes or results['num_classes']
        ignored = self.ignore_index
        if ignored is None:
            ignored = results.get('ignore_index', 255)
        path, first = results['seg_map_path'], int(results['reduce_zero_label'])
        labels, values = results['gt_seg_map'], results.get('label_values')
        wrong = labels[(labels >= num_classes) & (labels != ignored)]
        found = set((wrong.astype(int) + first).tolist()) | large_labels(path)
        if not found:
            return
        if values:
            found = (read_labels(path) or found) - {*values, ignored}
            classes, way = f'label_values={values}', ''
        else:
            classes = f'{first} to {num_classes - 1 + first}'
            way = OTHER_VALUES.format(num_classes)
            way += '' if first else ZERO_IS_NO_CLASS.format(num_classes)
        raise ValueError(
            f'{path} has label {shortened([*map(str, sorted(found))])}; the '
            f'{num_classes} classes are {classes}, and {ignored} does not count. '
            f'Correct the file, or name all classes in metainfo and num_classes{way}'
        )


def large_labels(path: str) -> set[int]:
    """The labels above 255 of a file; mmseg keeps their lowest eight bits."""
    if not Path(path).is_file():  # of another storage
        return set()
    with Image.open(path) as picture:  # reads the header
        if picture.mode in ('1', 'L', 'P', 'RGB', 'RGBA'):
            return set()
    return {label for label in read_labels(path) if label > 255}


def read_labels(path: str | None) -> set[int]:
    """The labels of a file; none of colours, of no picture, of another storage."""
    if path is None or not Path(path).is_file():
        return set()
    try:
        with Image.open(path) as picture:
            labels = np.asarray(picture)
    except OSError:  # `CheckedData` names the file when its sample is read
        return set()
    return set(np.unique(labels).astype(int).tolist()) if labels.ndim == 2 else set()
