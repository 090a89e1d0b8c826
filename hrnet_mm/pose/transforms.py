"""Preparing images for bottom-up pose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import PackPoseInputs, RandomFlip
from mmpose.datasets.transforms.formatting import image_to_tensor
from pycocotools import mask as coco_mask

from hrnet_mm.registry import TRANSFORMS

META_KEYS = (
    'id', 'img_id', 'img_path', 'crowd_index', 'ori_shape', 'img_shape', 'input_size',
    'input_center', 'input_scale', 'aug_scales', 'flip', 'flip_direction',
    'flip_indices', 'raw_ann_info',
)  # fmt: skip


@TRANSFORMS.register_module()
class BottomupRandomFlip(RandomFlip):
    """``RandomFlip`` after ``BottomupRandomAffine``, of images that are not square too.

    mmpose's takes ``input_size``, width and height, for height and width: labels of a
    mirror image are then beside the people by the difference.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror image, boxes and joints, or not."""
        width, height = results['input_size']
        flipped = super().transform(dict(results, input_size=(height, width)))
        return dict(flipped, input_size=(width, height))


@TRANSFORMS.register_module()
class CrowdMask(BaseTransform):
    """Mask heatmaps: crowds and people without a labelled joint do not count.

    After ``GenerateTarget``. mmpose's ``BottomupGetHeatmapMask`` leaves out run
    lengths, which the crowds of COCO are. It also fails if xtcocotools is installed
    with numpy 2: xtcocotools cannot decode masks there.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``heatmap_mask``, (1, H, W) for each resolution of ``heatmaps``.

        False where it does not count, which is also where ``BottomupRandomAffine`` saw
        nothing of the image.
        """
        outlines = results.get('invalid_segs', ())
        mask: np.ndarray = 1 - covered(outlines, results['img_shape'][:2])
        mask = mask.astype(np.float32)
        if 'warp_mat' in results:
            mask = cv2.warpAffine(mask, results['warp_mat'], results['input_size'])
        if results.get('flip') and results['flip_direction']:
            mask = mmcv.imflip(mask, results['flip_direction'])
        results['heatmap_mask'] = [
            cv2.resize(mask, maps.shape[:0:-1])[None] > 0.5
            for maps in results['heatmaps']
        ]
        return results


@TRANSFORMS.register_module()
class PackBottomup(PackPoseInputs):
    """An image of several people, at one or more scales, for the model.

    mmpose's ``PackPoseInputs`` stacks the images of ``BottomupResize(aug_scales=...)``,
    which have different sizes; and the metric takes the list of categories that it
    packs for the category of a person.

    Args:
        meta_keys: What the model and the metric are told of the image.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``inputs``: (3, H, W), or a list of those by scale; and ``data_samples``."""
        if not isinstance(results['img'], list):
            return super().transform(results)
        packed = super().transform(dict(results, img=results['img'][0]))
        return packed | dict(
            inputs=[image_to_tensor(image) for image in results['img']]
        )


def covered(outlines: Iterable[Any], size: tuple[int, int]) -> np.ndarray:
    """1 where an outline of COCO is: polygons, run lengths, or run lengths compressed.

    Args:
        outlines: One for each person; None where there is none.
        size: Height and width.

    Returns:
        (H, W), uint8.
    """
    mask = np.zeros(size, np.uint8)
    for outline in filter(None, outlines):
        runs = outline
        if isinstance(outline, list) or isinstance(outline['counts'], list):
            runs = coco_mask.frPyObjects(outline, *size)
        mask |= coco_mask.decode(
            coco_mask.merge(runs) if isinstance(runs, list) else runs
        )
    return mask
