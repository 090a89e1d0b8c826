"""A look at the labels before they are trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from hrnet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """After ``LoadAnnotations``: a label map fits its image and the model.

    On a GPU a label that is too large ends the job far from its cause, and in testing
    it is not counted.

    Args:
        num_classes: Of the model; those of the data set if it is one of ours.
        ignore_index: The label of pixels that do not count.

    Raises:
        ValueError: if size or values do not fit; names the file.
    """

    def __init__(self, num_classes: int | None = None, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Leave ``results`` as they are."""
        labels = results['gt_seg_map']
        size, labelled = results['ori_shape'][:2], labels.shape
        if tuple(labelled) != tuple(size):
            raise ValueError(
                f'{results["seg_map_path"]} has (height, width, ...) {labelled}, '
                f'its image {results["img_path"]} {tuple(size)}: a label map is one '
                'number for each pixel of its image'
            )
        num_classes = self.num_classes or results['num_classes']
        wrong = np.unique(labels)
        wrong = wrong[(wrong >= num_classes) & (wrong != self.ignore_index)]
        if len(wrong):
            raise ValueError(
                f'{results["seg_map_path"]} has label {", ".join(map(str, wrong))}; '
                f'{num_classes} classes are 0 to {num_classes - 1}, and '
                f'{self.ignore_index} does not count. If 0 means unlabelled, set '
                'reduce_zero_label=True in the data set'
            )
        return results
