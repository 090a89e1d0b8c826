"""A network with random data, called as the stock runners call it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from hrnet_mm.building import build_model

from .networks import Size
from .settling import settle

OBJECTS = 8  # per image, about as many as in COCO


class Workload:
    """A network with random weights and random data.

    Args:
        config: Path of a config.
        task: ``'pose'``, ``'segmentation'`` or ``'detection'``.
        device: Device to run on.
    """

    def __init__(self, config: str, task: str, device: str) -> None:
        cfg = Config.fromfile(config)
        torch.manual_seed(0)
        self.task = task
        self.device = device
        self.model: Any = build_model(cfg, device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-4, momentum=0.9)

    def settle(self, size: Size) -> None:
        """Set the statistics of the norms from two random images of a size."""
        images = self.images(2, size)
        backbone = self.model.backbone
        # norms that stay in eval mode have no statistics yet, and would output NaN
        norm_eval, backbone.norm_eval = backbone.norm_eval, False
        settle(self.model, lambda: self.model.extract_feat(images))
        backbone.norm_eval = norm_eval
        self.model.train()

    def train(self, batch: int, size: Size) -> None:
        """Run one training step: forward, losses, backward and update."""
        self.model.train()
        self.optimizer.zero_grad()
        losses = self.model.loss(self.images(batch, size), self.samples(batch, size))
        self.model.parse_losses(losses)[0].backward()
        self.optimizer.step()

    def test(self, size: Size) -> None:
        """Run one test image; for detectors including the post-processing."""
        self.model.eval()
        with torch.no_grad():
            if self.task == 'detection':
                self.model.predict(self.images(1, size), self.samples(1, size))
            else:
                self.model(self.images(1, size), None, mode='tensor')

    def images(self, batch: int, size: Size) -> Tensor:
        """Return standard normal images, (batch, 3, height, width)."""
        return torch.randn(batch, 3, *size, device=self.device)

    def samples(self, batch: int, size: Size) -> list[Any]:
        """Return random ground truth for a batch."""
        make = dict(pose=_pose_sample, segmentation=_seg_sample, detection=_det_sample)
        return [make[self.task](size).to(self.device) for _ in range(batch)]


def _pose_sample(size: Size) -> Any:
    # 17 keypoints, as in COCO
    from mmpose.structures import PoseDataSample

    heatmaps = torch.rand(17, size[0] // 4, size[1] // 4)
    return PoseDataSample(
        gt_fields=PixelData(heatmaps=heatmaps),
        gt_instance_labels=InstanceData(keypoint_weights=torch.ones(1, 17)),
    )


def _seg_sample(size: Size) -> Any:
    # 19 classes, as in Cityscapes
    from mmseg.structures import SegDataSample

    labels = torch.randint(0, 19, (1, *size))
    meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
    return SegDataSample(gt_sem_seg=PixelData(data=labels), metainfo=meta)


def _det_sample(size: Size) -> Any:
    # 80 classes, as in COCO
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    height, width = size
    corners = torch.rand(OBJECTS, 2) * torch.tensor([width * 0.6, height * 0.6])
    sizes = (0.1 + 0.3 * torch.rand(OBJECTS, 2)) * torch.tensor([width, height])
    truth = InstanceData(
        bboxes=torch.cat([corners, corners + sizes], dim=1),
        labels=torch.randint(0, 80, (OBJECTS,)),
        masks=BitmapMasks(np.ones((OBJECTS, *size), np.uint8), *size),
    )
    meta = dict(
        img_shape=size,
        ori_shape=size,
        pad_shape=size,
        batch_input_shape=size,
        scale_factor=(1.0, 1.0),
    )
    return DetDataSample(gt_instances=truth, metainfo=meta)
