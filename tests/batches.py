"""Batches of random images with annotations, as the libraries' runners make them."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData


def detection_batch(size: tuple[int, int] = (128, 160)) -> dict:
    """Two images, two objects on each, with masks and a map of stuff."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks

    generator = torch.Generator().manual_seed(0)
    samples = []
    boxes = torch.tensor([[8.0, 10, 70, 90], [60, 40, 150, 120]])
    for _ in range(2):
        masks = np.zeros((2, *size), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
            mask[y1:y2, x1:x2] = 1
        sample = DetDataSample(
            metainfo=dict(
                img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0), img_id=0
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=HorizontalBoxes(boxes.clone()),
            labels=torch.tensor([3, 17]),
            masks=BitmapMasks(masks, *size),
        )
        sample.ignored_instances = InstanceData(
            bboxes=HorizontalBoxes(torch.zeros(0, 4)), labels=torch.zeros(0)
        )
        stuff = torch.randint(0, 183, (1, *size), generator=generator)
        sample.gt_sem_seg = PixelData(sem_seg=stuff)
        samples.append(sample)
    images = [
        torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8)
        for _ in range(2)
    ]
    return dict(inputs=images, data_samples=samples)
