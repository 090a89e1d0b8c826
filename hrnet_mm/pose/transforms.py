"""Transforms for top-down and bottom-up pose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets import transforms as stock
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.datasets.transforms.formatting import image_to_tensor
from pycocotools import mask as coco_mask
from scipy.special import ndtr, ndtri

from hrnet_mm.images import planes, positive_strides
from hrnet_mm.registry import TRANSFORMS

META_KEYS = (
    'id', 'img_id', 'img_path', 'crowd_index', 'ori_shape', 'img_shape', 'input_size',
    'input_center', 'input_scale', 'aug_scales', 'flip', 'flip_direction',
    'flip_indices', 'skeleton_links', 'raw_ann_info',
)  # fmt: skip


TRAINING_KEYS = tuple(
    key for key in PackPoseInputs().meta_keys if key != 'raw_ann_info'
)


@TRANSFORMS.register_module()
class RandomFlip(stock.RandomFlip):
    """MMPose's ``RandomFlip``, with a flipped image in the order of its memory.

    MMPose returns a view with a negative stride, which ``cv2.warpAffine`` copies pixel
    by pixel.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Flip the image, boxes and keypoints with the given probability."""
        if {'gt_seg_map', 'gt_bboxes'} & results.keys():
            raise ValueError(
                'hrnet_mm.RandomFlip flips images and keypoints, not boxes and label '
                'maps: use mmdet.RandomFlip or mmseg.RandomFlip'
            )
        results = super().transform(results)
        if isinstance(results['img'], np.ndarray):
            results['img'] = positive_strides(results['img'])
        return results


@TRANSFORMS.register_module()
class RandomBBoxTransform(stock.RandomBBoxTransform):
    """MMPose's ``RandomBBoxTransform``, with a faster truncated normal distribution.

    The random numbers are the same: ``scipy.stats.truncnorm`` inverts the same
    distribution function, but takes longer to check its arguments.
    """

    @staticmethod
    def _truncnorm(
        low: float = -1.0, high: float = 1.0, size: tuple[int, ...] = ()
    ) -> np.ndarray:
        below, upto = ndtr([low, high])
        drawn = np.random.uniform(below, upto, size)
        return np.asarray(ndtri(drawn), np.float32)


@TRANSFORMS.register_module()
class PackTopdown(PackPoseInputs):
    """``PackPoseInputs`` for training with ``hrnet_mm.HeatmapHead``.

    Without ``GenerateTarget`` in the pipeline, ``gt_instance_labels`` gets
    ``transformed_keypoints``, (1, K, 2), from which the head draws heatmaps, and
    ``keypoint_weights``, (1, K). With it, the targets are packed as MMPose does.

    Values of ``meta_keys`` are not copied: the data set made them for this sample.

    Args:
        meta_keys: Keys of the results that the data sample gets. The default is that of
            MMPose without ``raw_ann_info``, which only metrics need, and mmengine
            copies in the training process.
        options: ``pack_transformed`` of ``PackPoseInputs``.
    """

    def __init__(
        self, meta_keys: Sequence[str] = TRAINING_KEYS, **options: Any
    ) -> None:
        super().__init__((), **options)  # the parent would copy the values
        self._names = meta_keys

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``inputs``, (3, H, W), and ``data_samples``."""
        image = results['img']
        if 'keypoint_weights' not in results:
            results = _with_keypoint_labels(results)
        packed = super().transform(dict(results, img=image[:1, :1]))
        for name in self._names:
            if name in results:
                packed['data_samples'].set_field(
                    results[name], name, field_type='metainfo'
                )
        return packed | dict(inputs=planes(image))

    def __repr__(self) -> str:
        options = f'meta_keys={self._names}, pack_transformed={self.pack_transformed}'
        return f'{type(self).__name__}({options})'


def _with_keypoint_labels(results: dict[str, Any]) -> dict[str, Any]:
    visible = results['keypoints_visible']
    labels = dict(PackPoseInputs.label_mapping_table)
    labels['transformed_keypoints'] = 'transformed_keypoints'
    results = dict(results, label_mapping_table=labels)
    results.setdefault('transformed_keypoints', results['keypoints'])
    if visible.ndim == 3:  # of KeypointConverter: whether labelled, and a weight
        visible, weights = visible[..., 0], visible[..., 1]
        results |= dict(keypoints_visible=visible, keypoints_visible_weights=weights)
    return results | dict(keypoint_weights=visible.copy())


@TRANSFORMS.register_module()
class BottomupRandomFlip(stock.RandomFlip):
    """``RandomFlip`` that supports non-square images after ``BottomupRandomAffine``.

    MMPose's reads ``input_size``, (width, height), as (height, width), and so shifts
    the flipped keypoints by the difference.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Flip the image, boxes and keypoints with the given probability."""
        width, height = results['input_size']
        flipped = super().transform(dict(results, input_size=(height, width)))
        return dict(flipped, input_size=(width, height))


@TRANSFORMS.register_module()
class CrowdMask(BaseTransform):
    """Mask crowds and instances without labelled keypoints out of the heatmap loss.

    Use it after ``GenerateTarget``. MMPose's ``BottomupGetHeatmapMask`` ignores masks
    stored as run lengths, such as the crowds of COCO. It also fails if the compiled
    xtcocotools is installed with numpy 2, where it cannot decode masks. What it returns
    reaches no loss, because the codecs of DEKR and CID do not name it for packing.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``heatmap_mask``, a bool array (1, H, W).

        Heatmaps at several resolutions, a list, get a list of masks. A mask is False
        where the loss ignores the heatmap, including the padding that
        ``BottomupRandomAffine`` added.
        """
        outlines = results.get('invalid_segs', ())
        mask: np.ndarray = 1 - _rasterize(outlines, results['img_shape'][:2])
        mask = mask.astype(np.float32)
        if 'warp_mat' in results:
            mask = cv2.warpAffine(mask, results['warp_mat'], results['input_size'])
        if results.get('flip') and results['flip_direction']:
            mask = mmcv.imflip(mask, results['flip_direction'])
        heatmaps = results['heatmaps']
        levels = heatmaps if isinstance(heatmaps, list) else [heatmaps]
        masks = [cv2.resize(mask, maps.shape[:0:-1])[None] > 0.5 for maps in levels]
        results['heatmap_mask'] = masks if isinstance(heatmaps, list) else masks[0]
        packed = results.get('field_mapping_table', {})  # belongs to the codec's class
        results['field_mapping_table'] = packed | dict(heatmap_mask='heatmap_mask')
        return results


@TRANSFORMS.register_module()
class PackBottomup(PackPoseInputs):
    """``PackPoseInputs`` for bottom-up pose at one or several scales.

    MMPose's stacks the images of ``BottomupResize(aug_scales=...)``, which have
    different sizes. It also packs a list of categories, which the metric reads as the
    category of one instance.

    Args:
        meta_keys: Keys of the results that the data sample gets.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``inputs``, (3, H, W) or a list of these, and ``data_samples``."""
        if not isinstance(results['img'], list):
            return super().transform(results)
        packed = super().transform(dict(results, img=results['img'][0]))
        return packed | dict(
            inputs=[image_to_tensor(image) for image in results['img']]
        )


def _rasterize(outlines: Iterable[Any], size: tuple[int, int]) -> np.ndarray:
    # Outlines are COCO polygons, run lengths, compressed run lengths, or None.
    # Returns (height, width): 1 inside any of them, else 0.
    mask = np.zeros(size, np.uint8)
    for outline in filter(None, outlines):
        runs = outline
        if isinstance(outline, list) or isinstance(outline['counts'], list):
            runs = coco_mask.frPyObjects(outline, *size)
        mask |= coco_mask.decode(
            coco_mask.merge(runs) if isinstance(runs, list) else runs
        )
    return mask
