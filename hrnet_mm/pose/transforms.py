"""Preparing images for bottom-up pose."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.datasets.transforms import BottomupGetHeatmapMask
from pycocotools import mask as coco_mask

from hrnet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CrowdMask(BottomupGetHeatmapMask):
    """Where heat maps count: not on crowds and on people without a labelled joint.

    mmpose's leaves out those that COCO gives as run lengths, which are the crowds, and
    fails on the others: xtcocotools cannot decode masks with numpy 2.
    """

    def _segs_to_mask(self, segs: list[Any], img_shape: tuple[int, int]) -> np.ndarray:
        height, width = img_shape[:2]
        masks = np.zeros((height, width), np.uint8)
        for seg in segs:
            if not seg:
                continue
            compressed = isinstance(seg, dict) and not isinstance(seg['counts'], list)
            runs = seg if compressed else coco_mask.frPyObjects(seg, height, width)
            merged = coco_mask.merge(runs) if isinstance(runs, list) else runs
            masks |= coco_mask.decode(merged)
        return masks

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``heatmap_mask``, (1, H, W) at each resolution of ``heatmaps``."""
        results = super().transform(results)
        results['heatmap_mask'] = [m[None] for m in results['heatmap_mask']]
        return results
