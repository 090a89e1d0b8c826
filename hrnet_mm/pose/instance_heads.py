"""Heads that predict each person from the pixel of its centre: DEKR and CID."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from mmpose.models import heads as stock
from torch import Tensor

from hrnet_mm.registry import MODELS

Config = dict[str, Any]


class _InstanceHead:
    # What both heads need. MMPose's predict one image at a time, and only keypoints.

    def predict(
        self, feats: Any, batch_data_samples: list[Any], test_cfg: Config | None = None
    ) -> Any:
        """Predict the instances of each image, in pixels of the input image.

        Args:
            feats: Feature maps of the neck, (B, C, H, W); with ``flip_test`` a list of
                those of the images and of the flipped images.
            batch_data_samples: B samples with ``input_size`` and ``flip_indices``.
            test_cfg: Options of MMPose's head.

        Returns:
            For each image, instances with ``keypoints``, ``keypoint_scores``,
            ``bboxes`` around the keypoints and ``bbox_scores``. With
            ``output_heatmaps``, also the fields that MMPose's head returns.
        """
        found = [
            super(_InstanceHead, self).predict(  # type: ignore[misc]
                _of_image(feats, index), [sample], test_cfg or {}
            )
            for index, sample in enumerate(batch_data_samples)
        ]
        if not (test_cfg or {}).get('output_heatmaps'):
            return [*map(_with_boxes, chain(*found))]
        instances, fields = ([*chain(*part)] for part in zip(*found, strict=True))
        return [*map(_with_boxes, instances)], fields


def _of_image(feats: Any, index: int) -> Any:
    if isinstance(feats, Tensor):
        return feats[index : index + 1]
    return type(feats)(_of_image(part, index) for part in feats)


def _with_boxes(people: InstanceData) -> InstanceData:
    # inferencers return the scores of instances with boxes only
    keypoints = people.keypoints
    people.bboxes = np.hstack([keypoints.min(axis=1), keypoints.max(axis=1)])
    people.bbox_scores = people.keypoint_scores.mean(axis=1)
    return people


@MODELS.register_module()
class DEKRHead(_InstanceHead, stock.DEKRHead):
    """MMPose's ``DEKRHead``, with a rescoring net that is not trained.

    The rescoring net gets no gradient. MMPose's recipes set
    ``find_unused_parameters`` for it, which searches the graph in every step.

    State dicts without the version of the module, such as those in safetensors files,
    load: MMPose's head takes them for those of MMPose 0.x, and turns their channels.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.rescore_net is not None:
            self.rescore_net.requires_grad_(False)

    def _load_state_dict_pre_hook(
        self, state_dict: Config, prefix: str, *args: Any
    ) -> None:
        if _has(state_dict, prefix, 'offset_conv_layers'):
            super()._load_state_dict_pre_hook(state_dict, prefix, *args)


@MODELS.register_module()
class CIDHead(_InstanceHead, stock.CIDHead):
    """MMPose's ``CIDHead``, with all losses for batches without people.

    For these, MMPose's returns one loss of three, and DDP waits for the gradients of
    the others. State dicts without the version of the module load, as for
    ``hrnet_mm.DEKRHead``.
    """

    def loss(
        self,
        feats: Sequence[Tensor],
        batch_data_samples: list[Any],
        train_cfg: Any = None,
    ) -> dict[str, Tensor]:
        """Compute the losses of all heatmaps, of those of each person, and of contrast.

        Args:
            feats: Feature maps of the neck; the last, (B, C, H, W), is used.
            batch_data_samples: B samples with the targets of
                ``hrnet_mm.DecoupledHeatmap``.
            train_cfg: Options of MMPose's head.
        """
        losses = super().loss(feats, batch_data_samples, train_cfg or {})
        nothing = sum((it * 0).sum() for it in self.gfd_module.parameters())
        for name in ('loss/heatmap_decoupled', 'loss/contrastive'):
            losses.setdefault(name, nothing)
        return losses

    def _load_state_dict_pre_hook(
        self, state_dict: Config, prefix: str, *args: Any
    ) -> None:
        if _has(state_dict, prefix, 'keypoint_center_conv'):
            super()._load_state_dict_pre_hook(state_dict, prefix, *args)


def _has(state_dict: Config, prefix: str, part: str) -> bool:
    names: Iterator[str] = (name for name in state_dict if name.startswith(prefix))
    return any(part in name for name in names)
