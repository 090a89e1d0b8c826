"""Test-time augmentation of detectors with masks."""

from __future__ import annotations

from typing import Any

import torch
from mmcv.ops import batched_nms
from mmdet.models import DetTTAModel
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_flip
from mmengine.structures import InstanceData

from hrnet_mm.registry import MODELS

FLIP_DIMS = dict(horizontal=[-1], vertical=[-2], diagonal=[-1, -2])


@MODELS.register_module()
class InstanceTTAModel(DetTTAModel):
    """``DetTTAModel`` that also supports masks.

    Each box that remains after non-maximum suppression over all views keeps its mask.
    The arguments are those of ``DetTTAModel``.
    """

    def _merge_single_sample(self, data_samples: list[DetDataSample]) -> DetDataSample:
        views = InstanceData.cat([_unflip(sample) for sample in data_samples])
        merged, *_ = data_samples
        if len(views) > 0:
            boxes, kept = batched_nms(
                views.bboxes, views.scores, views.labels, self.tta_cfg.nms
            )
            views = views[kept]
            views.scores = boxes[:, -1]  # soft NMS lowers scores
        merged.pred_instances = views[: self.tta_cfg.max_per_img]
        return merged


@MODELS.register_module()
class NoTTAModel(DetTTAModel):
    """The ``tta_model`` of models that have no test-time augmentation.

    Without one, MMDetection merges boxes only, and the metrics find no segments.

    Args:
        kwargs: Unused.

    Raises:
        ValueError: Always.
    """

    def __init__(self, **kwargs: Any) -> None:
        raise ValueError(
            'panoptic models have no test-time augmentation: test without --tta'
        )


def _unflip(sample: DetDataSample) -> InstanceData:
    instances = sample.pred_instances
    if sample.flip:
        direction = sample.flip_direction
        instances = instances.new()
        instances.bboxes = bbox_flip(instances.bboxes, sample.ori_shape, direction)
        if 'masks' in instances:
            instances.masks = torch.flip(instances.masks, FLIP_DIMS[direction])
    return instances
