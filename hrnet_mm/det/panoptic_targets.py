"""What Panoptic-DeepLab learns: classes, centres of instances, and offsets to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from hrnet_mm.registry import TRANSFORMS

from .panoptic import (
    NO_LABEL,
    VOID,
    load_segment_ids,
    segment_colours,
    segment_ids,
)
from .transforms import PackDetInputs


@TRANSFORMS.register_module()
class LoadSegments(BaseTransform):
    """Load a panoptic label map as it is stored, in ``gt_seg_map``, (H, W, 3).

    MMDetection resizes, flips and crops it as a label map; a mask for each instance
    would take longer. ``PackPanopticTargets`` reads it.

    Args:
        backend_args: Arguments of mmengine's file backend.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``gt_seg_map``, unless the image has no annotations."""
        if results.get('seg_map_path') is not None:
            ids = load_segment_ids(results, self.backend_args)
            results['gt_seg_map'] = segment_colours(ids)
        return results


def panoptic_targets(
    ids: np.ndarray,
    segments: Sequence[Mapping[str, Any]],
    sigma: float = 8,
    small_area: int = 4096,
    small_weight: int = 3,
) -> dict[str, np.ndarray]:
    """Return the training targets of an image (Panoptic-DeepLab, section 3.2).

    The centre of an instance is the mean of its pixels. Crowds have neither centres nor
    offsets; detectron2 draws their centres, too. Where Gaussians overlap, the larger
    value counts.

    Args:
        ids: The id of the segment at each pixel, (H, W), after all augmentation.
        segments: The segments of the whole image: ``id``, ``category``, ``is_thing``
            and ``crowd``. Pixels of other ids have no label.
        sigma: The standard deviation of the Gaussian of a centre, in pixels.
        small_area: Instances with fewer pixels are small.
        small_weight: The weight of the pixels of small instances.

    Returns:
        ``sem_seg``, (H, W): class, 255 for none. ``weight``, (H, W): its weight.
        ``centre``, (H, W): 0 to 1. ``counts``, (H, W): 1 if the centre is trained
        here. ``offset``, (2, H, W): y and x from a pixel to its centre, in pixels.
        ``in_instance``, (H, W): 1 if the offset is trained here.
    """
    present, index = np.unique(ids, return_inverse=True)
    index = index.reshape(ids.shape)
    table = {it['id']: it for it in segments if it['id'] != VOID}
    rows = [table.get(number) for number in present.tolist()]
    category = np.array([NO_LABEL if it is None else it['category'] for it in rows])
    thing = np.array([it is not None and it['is_thing'] for it in rows])
    trained = np.array([it is not None and not it['crowd'] for it in rows])
    y, x = np.indices(ids.shape, np.float32)
    flat = index.ravel()
    areas = np.bincount(flat, minlength=len(rows))
    mean_y, mean_x = (
        np.bincount(flat, axis.ravel(), len(rows)) / areas for axis in (y, x)
    )
    in_instance = thing[index]
    offset = np.stack([mean_y[index] - y, mean_x[index] - x]) * in_instance
    centres = np.stack([mean_y[thing], mean_x[thing]], axis=-1)
    weights = np.where(thing & (areas < small_area), small_weight, 1)
    return dict(
        sem_seg=category.astype(np.uint8)[index],
        weight=weights.astype(np.float32)[index],
        centre=_draw_gaussians(centres, ids.shape, sigma),
        counts=trained[index].astype(np.float32),
        offset=offset.astype(np.float32),
        in_instance=in_instance.astype(np.float32),
    )


def _draw_gaussians(
    centres: np.ndarray, shape: tuple[int, ...], sigma: float
) -> np.ndarray:
    # cut at 3 sigma, as the official target generator
    heat = np.zeros(shape, np.float32)
    reach = int(3 * sigma + 1)
    profile = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    blob = np.outer(profile, profile).astype(np.float32)
    for row, column in np.rint(centres).astype(int).tolist():
        top, left = max(row - reach, 0), max(column - reach, 0)
        part = heat[top : row + reach + 1, left : column + reach + 1]
        height, width = part.shape
        inner = blob[top - row + reach :, left - column + reach :]
        np.maximum(part, inner[:height, :width], out=part)
    return heat


@TRANSFORMS.register_module()
class PackPanopticTargets(PackDetInputs):
    """Pack the image with the targets of Panoptic-DeepLab as ``gt_sem_seg``.

    Args:
        sigma: The standard deviation of the Gaussian of a centre, in pixels.
        small_area: Instances with fewer pixels have ``small_weight``.
        small_weight: The weight of small instances in the semantic loss.
        kwargs: Arguments of ``PackDetInputs``.

    Raises:
        ValueError: If no label map was loaded.
    """

    def __init__(
        self,
        sigma: float = 8,
        small_area: int = 4096,
        small_weight: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = dict(
            sigma=sigma, small_area=small_area, small_weight=small_weight
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``inputs``, (C, H, W), and ``data_samples``."""
        colours = results.get('gt_seg_map')
        if colours is None or colours.ndim != 3:
            raise ValueError(
                'PackPanopticTargets needs the segments of '
                f'{results.get("img_path")}: add dict(type="hrnet_mm.LoadSegments") '
                'to the pipeline, and data_prefix=dict(seg=...) to the data set'
            )
        targets = panoptic_targets(
            segment_ids(colours), results['segments_info'], **self.settings
        )
        packed = super().transform(
            dict(results, gt_seg_map=targets.pop('sem_seg').astype(np.int64))
        )
        truth = packed['data_samples'].gt_sem_seg
        for name, values in targets.items():
            values = values.reshape(-1, *values.shape[-2:])
            setattr(truth, name, torch.from_numpy(values))
        return packed
