"""Metrics of depth estimation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmseg.evaluation import metrics as stock
from torch import Tensor

from hrnet_mm.messages import counted
from hrnet_mm.registry import METRICS

from .depth import NO_TRUTH

NYU_SIZE = (480, 640)
# Top, bottom, left and right of the scored window, as shares of the image; fractions of
# a pixel are cut off. `bts_eval.py` of BTS (cleinc/bts) has the same numbers.
SHARES = {
    'garg_crop': (0.40810811, 0.99189189, 0.03594771, 0.96405229),
    'eigen_crop': (0.3324324, 0.91351351, 0.0359477, 0.96405229),
}
CROPS = ('nyu_crop', *SHARES)


@METRICS.register_module()
class DepthMetric(stock.DepthMetric):
    """MMSegmentation's ``DepthMetric`` with the windows of KITTI.

    Each metric is computed for each image, over the pixels whose true depth is between
    the limits, and averaged over the images; images without such a pixel do not count.
    ``d1``, ``d2``, ``d3`` are the shares of pixels whose depth differs by a factor of
    less than 1.25, 1.25^2 and 1.25^3; ``rmse`` is in metres, ``sq_rel`` too.
    ``silog`` has a factor of 1/2 as the loss, not 1 as the benchmark of KITTI.

    Args:
        depth_metrics: Names of metrics, in the order of the log; all by default.
        crop_type: The window that is scored. ``'nyu_crop'``: rows 45 to 470 and columns
            41 to 600 of NYU's images (https://arxiv.org/abs/1406.2283).
            ``'garg_crop'`` (https://arxiv.org/abs/1603.04992) and ``'eigen_crop'``
            (1406.2283): the two windows of KITTI. None: the whole image.
        kwargs: Arguments of MMSegmentation's ``DepthMetric``: ``min_depth_eval``,
            ``max_depth_eval``, in metres, ``output_dir`` ...

    Raises:
        ValueError: If a name is unknown, if a sample has no depth map or one of another
            size than its image, or if no image has a depth between the limits.
    """

    def __init__(
        self,
        depth_metrics: Sequence[str] | None = None,
        crop_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)  # a list of metrics fails there
        self.metrics = self.METRICS if depth_metrics is None else tuple(depth_metrics)
        unknown = [name for name in self.metrics if name not in self.METRICS]
        if unknown or not self.metrics:
            raise ValueError(
                f'depth_metrics={depth_metrics!r} of DepthMetric: choose from '
                f'{", ".join(self.METRICS)}'
            )
        if crop_type not in (None, *CROPS):
            raise ValueError(
                f'crop_type={crop_type!r} of DepthMetric: choose from '
                f'{", ".join(CROPS)}, or None for the whole image'
            )
        self.crop_type = crop_type

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch."""
        if not self.format_only:
            for sample in data_samples:
                _check_size(sample)
        done = len(self.results)
        super().process(data_batch, data_samples)
        # The stock metric would keep every pixel of the data set until its end.
        self.results[done:] = [
            self._score(*pixels) if len(pixels[0]) else None
            for pixels in self.results[done:]
        ]

    def _score(self, true: Tensor, found: Tensor) -> Any:
        # a single 0 would make the mean of the logarithms infinite
        return self._calc_all_metrics(true, found.clamp(min=self.min_depth_eval))

    def _get_eval_mask(self, gt_depth: Tensor) -> Tensor:
        mask = (gt_depth > self.min_depth_eval) & (gt_depth < self.max_depth_eval)
        rows, columns = scored_window(self.crop_type, gt_depth.shape)
        inside = mask.new_zeros(mask.shape)
        inside[rows, columns] = True
        return mask & inside

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the mean of each metric over the images."""
        if self.format_only:
            return super().compute_metrics(results)
        scored = [row for row in results if row is not None]
        if not scored:
            raise ValueError(
                f'no pixel of {counted(len(results), "image")} has a depth between '
                f'min_depth_eval={self.min_depth_eval} and max_depth_eval='
                f'{self.max_depth_eval} m: check these limits, crop_type='
                f'{self.crop_type!r} and depth_scale of the data set'
            )
        if len(scored) < len(results):
            left_out = counted(len(results) - len(scored), 'image')
            print_log(f'{left_out} without a depth to score do not count', 'current')
        return {
            name: float(np.mean([row[name] for row in scored])) for name in self.metrics
        }


def scored_window(crop_type: str | None, shape: Sequence[int]) -> tuple[slice, slice]:
    """Return the rows and columns that are scored.

    Args:
        crop_type: See ``DepthMetric``.
        shape: Height and width of the image.

    Raises:
        ValueError: If ``'nyu_crop'`` is used for an image of another size.
    """
    height, width = shape
    if crop_type is None:
        return slice(height), slice(width)
    if crop_type == 'nyu_crop':
        if (height, width) != NYU_SIZE:
            raise ValueError(
                f'crop_type="nyu_crop" is for images of {NYU_SIZE} (height, width), '
                f'but this one is {(height, width)}: set crop_type=None'
            )
        return slice(45, 471), slice(41, 601)
    top, bottom, left, right = SHARES[crop_type]
    rows = slice(int(top * height), int(bottom * height))
    return rows, slice(int(left * width), int(right * width))


def _check_size(sample: dict) -> None:
    if 'gt_depth_map' not in sample:
        raise ValueError(f'{sample["img_path"]} has {NO_TRUTH}')
    found, truth = (
        tuple(sample[key]['data'].squeeze().shape)
        for key in ('pred_depth_map', 'gt_depth_map')
    )
    if found != truth:
        raise ValueError(
            f'the depth map of {sample["img_path"]} is {truth} (height, width) and the '
            f'prediction {found}, the size of the image file. Load depth maps after '
            'Resize in the pipelines of val_dataloader and test_dataloader'
        )
