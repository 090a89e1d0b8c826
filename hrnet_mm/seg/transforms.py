"""A look at the labels before they are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from hrnet_mm.registry import TRANSFORMS

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
        num_classes: Those of the data set, if it is one of ours.
        ignore_index: The label of pixels that do not count.

    Raises:
        ValueError: if size or values do not fit; names the file.
    """

    def __init__(self, num_classes: int | None = None, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Leave ``results`` as they are."""
        if 'gt_seg_map' not in results:  # an image alone, in an inferencer
            return results
        labels = results['gt_seg_map']
        size, labelled = results['ori_shape'][:2], labels.shape
        if tuple(labelled) != tuple(size):
            raise ValueError(
                f'{results["seg_map_path"]} has (height, width, ...) {labelled}, '
                f'its image {results["img_path"]} {tuple(size)}: a label map is one '
                'number for each pixel of its image; write it again at that size'
            )
        self.check_values(results)
        return results

    def check_values(self, results: dict[str, Any]) -> None:
        """Refuse labels that are neither a class nor ignored; as the file has them."""
        num_classes = self.num_classes or results['num_classes']
        path, first = results['seg_map_path'], int(results['reduce_zero_label'])
        labels = results['gt_seg_map']
        wrong = labels[(labels >= num_classes) & (labels != self.ignore_index)]
        found = sorted(set((wrong.astype(int) + first).tolist()) | large_labels(path))
        if found:
            raise ValueError(
                f'{path} has label {", ".join(map(str, found))}; the {num_classes} '
                f'classes are {first} to {num_classes - 1 + first}, and '
                f'{self.ignore_index} does not count. Correct the file, or name all '
                'classes in metainfo and num_classes'
                + ('' if first else ZERO_IS_NO_CLASS.format(num_classes))
            )


def large_labels(path: str) -> set[int]:
    """The labels above 255 of a file; mmseg keeps their lowest eight bits."""
    file = Path(path)
    if not file.is_file():  # of another storage
        return set()
    with Image.open(file) as picture:  # reads the header
        if picture.mode in ('1', 'L', 'P', 'RGB', 'RGBA'):
            return set()
        labels = np.asarray(picture)
    return set(np.unique(labels[labels > 255]).astype(int).tolist())
