"""Pictures of detectors: the visualization hook, ``hrnet-mm show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import Tensor

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.registry import HOOKS
from hrnet_mm.visualization import (
    SparseVisualization,
    open_trained,
    overlay,
    read_image,
    save_sheet,
)


@HOOKS.register_module()
class SparseDetVisualizationHook(SparseVisualization, DetVisualizationHook):
    """MMDetection's hook at a bounded cost; ``--show-dir`` draws all test images."""


SHOWN = 0.3  # objects of a lower score are not drawn


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """A row for each test image: truth, prediction, and the levels of the pyramid.

    On each level are the anchors that training would match with the true boxes; of a
    detector without anchors, the places that would answer for them.

    Args:
        config: Of MMDetection, with ``test_dataloader``.
        checkpoint: The weights.
        path: Of the image file to write.
        rows: The number of images, evenly from the test data.

    Returns:
        The path.
    """
    cfg = Config.fromfile(config)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    visualizer = DetLocalVisualizer()
    classes, palette = (dataset.metainfo.get(k) for k in ('classes', 'palette'))
    colours = [tuple(c) for c in complete_palette(palette, len(classes))]
    visualizer.dataset_meta = dict(classes=classes, palette=colours)
    pictures = [row_of(model, dataset[i], visualizer) for i in chosen]
    strides = [stride[0] for stride in prior_generator(model).strides]
    titles = ['truth', 'prediction', *(f'level at 1/{stride}' for stride in strides)]
    return save_sheet(
        pictures,
        titles,
        path,
        'numbers: score in percent. Levels: mean magnitude of the channels, bright is '
        'large; green: what training matches with the true boxes',
    )


def row_of(
    model: Any, sample: dict, visualizer: DetLocalVisualizer
) -> list[np.ndarray]:
    """The pictures of one image, all of its size."""
    levels: list[Tensor] = []
    hook = model.neck.register_forward_hook(
        lambda module, args, output: levels.extend(output)
    )
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    hook.remove()
    image = read_image(result.img_path)
    priors = matched_priors(model, [x.shape[-2:] for x in levels], result)
    return [
        drawn(image, result, visualizer, truth=True),
        drawn(image, result, visualizer, truth=False),
        *(
            boxes_on(overlay(image, x[0].abs().mean(dim=0).numpy()), boxes)
            for x, boxes in zip(levels, priors, strict=True)
        ),
    ]


def drawn(
    image: np.ndarray,
    result: DetDataSample,
    visualizer: DetLocalVisualizer,
    truth: bool,
) -> np.ndarray:
    """Boxes, masks and names over an image; RGB."""
    visualizer.add_datasample(
        'picture',
        image[..., ::-1],
        result,
        draw_gt=truth,
        draw_pred=not truth,
        pred_score_thr=SHOWN,
    )
    return visualizer.get_image()


def prior_generator(model: Any) -> Any:
    """What puts anchors, or points, onto the levels."""
    head = model.rpn_head if hasattr(model, 'rpn_head') else model.bbox_head
    return head.prior_generator


def matched_priors(
    model: Any, sizes: list[torch.Size], result: DetDataSample
) -> list[np.ndarray]:
    """The anchors or cells that training matches with the true boxes.

    Args:
        model: A detector of two stages, or FCOS.
        sizes: Height and width of each level.
        result: With the true boxes in pixels of the file.

    Returns:
        For each level, (n, 4): corners in pixels of the file.
    """
    generator = prior_generator(model)
    priors = generator.grid_priors(sizes, device='cpu')
    factor = torch.tensor(result.scale_factor).repeat(2)
    boxes = result.gt_instances.bboxes
    boxes = getattr(boxes, 'tensor', boxes) * factor
    truth = InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long))
    if hasattr(model, 'rpn_head'):
        flat = InstanceData(priors=torch.cat(priors))
        assigned = model.rpn_head.assigner.assign(flat, truth).gt_inds
        positive = (assigned > 0).split([len(p) for p in priors])
        cells = priors
    else:
        labels, _ = model.bbox_head.get_targets(priors, [truth])
        positive = [level < model.bbox_head.num_classes for level in labels]
        cells = [
            torch.cat([points - stride[0] / 2, points + stride[0] / 2], dim=1)
            for points, stride in zip(priors, generator.strides, strict=True)
        ]
    return [
        (cell[chosen] / factor).numpy()
        for cell, chosen in zip(cells, positive, strict=True)
    ]


def boxes_on(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Draw boxes on a picture of values from 0 to 1."""
    picture = np.ascontiguousarray(picture)
    thickness = max(1, round(picture.shape[1] / 300))
    for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
        cv2.rectangle(picture, (x1, y1), (x2, y2), (0.2, 1.0, 0.4), thickness)
    return picture
