"""Panoptic-DeepLab (Cheng et al., CVPR 2020), as a detector of MMDetection."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.models import BaseDetector
from mmdet.structures import DetDataSample
from mmdet.structures.mask import mask2bbox
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from hrnet_mm.registry import MODELS

from .grouping import merge_segments

TARGETS = ('sem_seg', 'weight', 'centre', 'counts', 'offset', 'in_instance')


@MODELS.register_module()
class PanopticDeepLab(BaseDetector):
    """Panoptic-DeepLab on a trunk with four streams.

    Args:
        backbone: The trunk: ``hrnet_mm.HRNet``.
        semantic_head: ``DeepLabSemanticHead``, or a module with its methods.
        instance_head: ``DeepLabInstanceHead``.
        num_things_classes: The number of classes of things, which come first.
        num_stuff_classes: The number of classes of stuff.
        train_cfg: Unused; MMDetection's tools pass it.
        test_cfg: ``threshold``, ``kernel``, ``top_k`` and ``stuff_area`` of
            ``merge_segments``.
        data_preprocessor: ``DetDataPreprocessor``.
        init_cfg: Initialization.

    Raises:
        ValueError: If ``kernel`` is even, or ``top_k`` is below 1.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        semantic_head: dict[str, Any],
        instance_head: dict[str, Any],
        num_things_classes: int,
        num_stuff_classes: int,
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.num_things_classes = num_things_classes
        self.num_stuff_classes = num_stuff_classes
        self.num_classes = num_things_classes + num_stuff_classes
        self.semantic_head = MODELS.build(
            dict(semantic_head, num_classes=self.num_classes)
        )
        self.instance_head = MODELS.build(instance_head)
        self.train_cfg, self.test_cfg = train_cfg, test_cfg or {}
        kernel, top_k = self.test_cfg.get('kernel', 7), self.test_cfg.get('top_k', 200)
        if kernel % 2 == 0 or top_k < 1:
            raise ValueError(
                f'test_cfg has kernel={kernel} and top_k={top_k}: kernel must be odd, '
                'and top_k at least 1'
            )

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the streams at 1/4, 1/8, 1/16 and 1/32."""
        return self.backbone(batch_inputs)

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample]
    ) -> dict[str, Tensor]:
        """Return the losses.

        Args:
            batch_inputs: (N, 3, H, W).
            batch_data_samples: Samples of ``PackPanopticTargets``.

        Raises:
            ValueError: If the images have several sizes, or no targets.
        """
        truth = self._stack(batch_data_samples, batch_inputs.shape[-2:])
        streams = self.extract_feat(batch_inputs)
        return {
            **self.semantic_head.loss(streams, truth),
            **self.instance_head.loss(streams, truth),
        }

    def _stack(
        self, samples: list[DetDataSample], size: torch.Size
    ) -> dict[str, Tensor]:
        truths: list[Any] = [sample.get('gt_sem_seg', {}) for sample in samples]
        if any(name not in truth for truth in truths for name in TARGETS):
            raise ValueError(
                'PanopticDeepLab finds no targets: pack the training images with '
                'dict(type="hrnet_mm.PackPanopticTargets")'
            )
        sizes = {tuple(truth.shape) for truth in truths}
        if sizes != {tuple(size)}:
            raise ValueError(
                f'the images of a batch have the sizes {sorted(sizes)} (height, '
                f'width) and are padded to {tuple(size)}, but Panoptic-DeepLab needs '
                'one size: end the training pipeline with RandomCrop and Pad(size=...) '
                'to a multiple of pad_size_divisor'
            )
        return {
            name: torch.stack([truth.get(name) for truth in truths]) for name in TARGETS
        }

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: list[DetDataSample],
        rescale: bool = True,
    ) -> list[DetDataSample]:
        """Add the predictions to the samples.

        Args:
            batch_inputs: (N, 3, H, W).
            batch_data_samples: Samples with the size of their images.
            rescale: Whether to return them in the size of the original images.

        Returns:
            Samples with ``pred_panoptic_seg``, whose ``sem_seg``, (1, H, W), has class
            + 1000 * instance; ``pred_sem_seg``, whose ``sem_seg``, (1, H, W), has the
            class of each pixel; and ``pred_instances``: ``masks``, ``labels``,
            ``scores`` and ``bboxes``. A score is the mean probability of the class on
            the mask, times the heat at the mean of its pixels.
        """
        logits, centre, offset = self._forward(batch_inputs)
        for i, sample in enumerate(batch_data_samples):
            maps = torch.cat([logits[i], centre[i], offset[i]])[None].float()
            height, width = sample.img_shape[:2]
            maps = maps[..., :height, :width]
            if rescale:
                maps = _resize(maps, sample.ori_shape[:2])
            self._add(sample, maps[0])
        return batch_data_samples

    def _add(self, sample: DetDataSample, maps: Tensor) -> None:
        # adds the predictions of one image; offsets are the last two maps
        logits, heat, offset = maps.split([self.num_classes, 1, 2])
        labels = logits.argmax(dim=0)
        panoptic = merge_segments(
            labels,
            heat[0],
            offset,
            things=self.num_things_classes,
            classes=self.num_classes,
            **self.test_cfg,
        )
        sample.pred_panoptic_seg = PixelData(sem_seg=panoptic[None])
        sample.pred_sem_seg = PixelData(sem_seg=labels[None])
        sample.pred_instances = _instances(panoptic, logits, heat[0])

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: Any = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, centre heatmaps and offsets in the size of the input."""
        streams = self.extract_feat(batch_inputs)
        size = batch_inputs.shape[-2:]
        maps = (self.semantic_head(streams), *self.instance_head(streams))
        # streams are rounded up if 4 does not divide the input
        logits, centre, offset = (it[..., : size[0], : size[1]] for it in maps)
        return logits, centre, offset


def _resize(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    # detectron2 does not scale the offsets
    height, width = maps.shape[-2:]
    if (height, width) == tuple(shape):
        return maps
    maps = F.interpolate(maps, tuple(shape), mode='bilinear', align_corners=False)
    maps[:, -2] *= shape[0] / height
    maps[:, -1] *= shape[1] / width
    return maps


def _instances(panoptic: Tensor, logits: Tensor, heat: Tensor) -> InstanceData:
    ids = torch.unique(panoptic)
    ids = ids[ids >= INSTANCE_OFFSET]
    labels = ids % INSTANCE_OFFSET
    masks = panoptic == ids[:, None, None]
    probabilities = logits.softmax(dim=0)
    scores = logits.new_empty(len(ids))
    for i, (label, mask) in enumerate(zip(labels, masks, strict=True)):
        y, x = mask.nonzero().float().mean(dim=0).long()
        scores[i] = probabilities[label][mask].mean() * heat[y, x]
    return InstanceData(
        bboxes=mask2bbox(masks),
        labels=labels,
        scores=scores,
        masks=masks,
    )
