"""MMPose's metrics, for annotation files as tools write them."""

from __future__ import annotations

from typing import Any

from mmpose.evaluation.metrics import CocoMetric

from hrnet_mm.data.annotations import readable
from hrnet_mm.registry import METRICS


@METRICS.register_module()
class CocoPoseMetric(CocoMetric):
    """COCO's keypoint AP on what the data sets of this package read.

    Args:
        ann_file: As the data set has it; by default, that of the data set.
        kwargs: Of MMPose's ``CocoMetric``.
    """

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(ann_file and readable(ann_file), **kwargs)
