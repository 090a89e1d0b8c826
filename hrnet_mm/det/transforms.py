"""Transforms of MMDetection with the same results in less time."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
from mmdet.datasets import transforms as stock
from mmdet.structures.mask import BitmapMasks

from hrnet_mm.datasets.packing import PacksView
from hrnet_mm.images import positive_strides
from hrnet_mm.registry import TRANSFORMS

from .panoptic import NO_LABEL, load_segment_ids


class Bitmaps(BitmapMasks):
    """``BitmapMasks`` that are resized, flipped and indexed without further copies.

    Args:
        masks: (N, H, W), uint8.
        height: H.
        width: W.
    """

    def __init__(self, masks: np.ndarray, height: int, width: int) -> None:
        # the parent would copy them
        self.masks, self.height, self.width = masks, height, width

    def __reduce__(self) -> tuple[Any, ...]:
        # workers send them to the training process: eight pixels in a byte
        if self.masks.dtype != np.uint8 or self.masks.max(initial=0) > 1:
            return Bitmaps, (self.masks, self.height, self.width)
        return _unpack, (np.packbits(self.masks), self.masks.shape)

    def __getitem__(self, index: Any) -> Bitmaps:
        index = np.asarray(index)
        if index.dtype != bool and np.array_equal(index, range(len(self))):
            return self
        masks = self.masks[index].reshape(-1, self.height, self.width)
        return Bitmaps(masks, self.height, self.width)

    def rescale(self, scale: Any, interpolation: str = 'nearest') -> Bitmaps:
        """Resize the masks, and keep their ratio of width and height."""
        width, height = mmcv.rescale_size((self.width, self.height), scale)
        return self.resize((height, width), interpolation)

    def resize(
        self, out_shape: tuple[int, int], interpolation: str = 'nearest'
    ) -> Bitmaps:
        """Resize the masks to (height, width)."""
        masks = np.empty((len(self), *out_shape), self.masks.dtype)
        for mask, resized in zip(self.masks, masks, strict=True):
            mmcv.imresize(
                mask,
                out_shape[::-1],
                interpolation=interpolation,
                out=resized,
                backend='cv2',
            )
        return Bitmaps(masks, *out_shape)

    def flip(self, flip_direction: str = 'horizontal') -> Bitmaps:
        """Mirror the masks."""
        masks = np.empty_like(self.masks)
        for mask, flipped in zip(self.masks, masks, strict=True):
            flipped[...] = positive_strides(mmcv.imflip(mask, flip_direction))
        return Bitmaps(masks, self.height, self.width)


def _unpack(packed: np.ndarray, shape: tuple[int, int, int]) -> Bitmaps:
    masks = np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape)
    return Bitmaps(masks, *shape[1:])


@TRANSFORMS.register_module()
class LoadObjects(stock.LoadAnnotations):
    """``LoadAnnotations`` of MMDetection whose bitmaps are ``Bitmaps``."""

    def _load_masks(self, results: dict[str, Any]) -> None:
        super()._load_masks(results)
        masks = results['gt_masks']
        if isinstance(masks, BitmapMasks):
            results['gt_masks'] = Bitmaps(masks.masks, masks.height, masks.width)


@TRANSFORMS.register_module()
class LoadPanopticObjects(LoadObjects, stock.LoadPanopticAnnotations):
    """``LoadPanopticAnnotations`` of MMDetection, without panopticapi.

    Label maps of another size than their image raise an error.

    Args:
        kwargs: Arguments of MMDetection's ``LoadAnnotations``; boxes, labels, masks and
            the semantic label map are loaded by default.
    """

    def __init__(self, **kwargs: Any) -> None:
        defaults = dict(with_mask=True, with_seg=True)
        stock.LoadAnnotations.__init__(self, **defaults | kwargs)

    def _load_masks_and_semantic_segs(self, results: dict[str, Any]) -> None:
        if results.get('seg_map_path') is None:  # an image without annotations
            return
        ids = load_segment_ids(results, self.backend_args)
        segments = results['segments_info']
        height, width = ids.shape
        if self.with_mask:
            things = [it['id'] for it in segments if it['is_thing']]
            masks = ids == np.array(things, np.int64).reshape(-1, 1, 1)
            results['gt_masks'] = Bitmaps(masks.view(np.uint8), height, width)
        if self.with_seg:
            labels = np.full(ids.shape, NO_LABEL, np.uint8)
            for segment in segments:
                labels[ids == segment['id']] = segment['category']
            results['gt_seg_map'] = labels


@TRANSFORMS.register_module()
class PackDetInputs(PacksView, stock.PackDetInputs):
    """``PackDetInputs`` of MMDetection that does not copy the image."""
