"""Visualization of detectors: the hook, and the figures of ``hrnet-mm show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS, VISUALIZERS
from hrnet_mm.visualization import (
    SparseVisualization,
    draw_boxes,
    open_trained,
    overlay,
    read_image,
    save_sheet,
)

from .panoptic_pictures import draw_segments, panoptic_sheet


@HOOKS.register_module()
class SparseDetVisualizationHook(
    OptionalHook, SparseVisualization, DetVisualizationHook
):
    """MMDetection's visualization hook that draws one image of some batches.

    It draws the first image of each ``interval``-th batch, and every image with
    ``--show-dir``.
    """


@VISUALIZERS.register_module()
class PanopticVisualizer(DetLocalVisualizer):
    """Draws predicted segments; ``DetLocalVisualizer`` fails if an image has none.

    Instances and semantic labels of the same prediction are not drawn over them.
    """

    def add_datasample(self, *args: Any, **kwargs: Any) -> None:
        """Draw a sample, without the truth, which is no part of it."""
        super().add_datasample(*args, **kwargs | dict(draw_gt=False))

    def _draw_panoptic_seg(
        self, image: np.ndarray, panoptic_seg: Any, classes: Any, palette: Any
    ) -> np.ndarray:
        given = palette if isinstance(palette, list) else None
        colours = complete_palette(given, len(classes))
        ids = np.asarray(panoptic_seg.sem_seg)[0]
        drawn = draw_segments(image[..., ::-1], ids, colours)
        return (255 * drawn).astype(np.uint8)

    def _draw_instances(
        self, image: np.ndarray, *args: Any, **kwargs: Any
    ) -> np.ndarray:
        return image

    def _draw_sem_seg(self, image: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return image


SCORE_THRESHOLD = 0.3  # minimum score of a drawn object


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """Plot a figure with a row for each test image.

    The columns are ground truth, prediction, and the magnitude of each pyramid level
    with the anchors that training would assign to the true boxes. For FCOS, these are
    the cells of the assigned points. ``panoptic_sheet`` draws panoptic models.

    Args:
        config: Path of a config of MMDetection, with ``test_dataloader``.
        checkpoint: Path of the weights.
        path: Path of the image file to write.
        rows: Number of images, evenly spaced in the test data.

    Returns:
        ``path``.
    """
    cfg = Config.fromfile(config)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    if hasattr(model, 'num_stuff_classes'):
        return panoptic_sheet(model, dataset, chosen, path)
    visualizer = DetLocalVisualizer()
    classes, palette = (dataset.metainfo.get(k) for k in ('classes', 'palette'))
    colours = [tuple(c) for c in complete_palette(palette, len(classes))]
    visualizer.dataset_meta = dict(classes=classes, palette=colours)
    images = [draw_row(model, dataset[i], visualizer) for i in chosen]
    generator = _dense_head(model).prior_generator
    strides = [stride[0] for stride in generator.strides]
    titles = ['truth', 'prediction', *(f'level at 1/{stride}' for stride in strides)]
    return save_sheet(
        images,
        titles,
        path,
        'Numbers: score in percent. Levels: mean magnitude of the channels, bright is '
        'large. Green: assigned to true boxes in training',
    )


def draw_row(
    model: Any, sample: dict, visualizer: DetLocalVisualizer
) -> list[np.ndarray]:
    """Draw ground truth, prediction and pyramid levels of one image.

    Returns:
        Images in RGB, all with the size of the image.
    """
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
        _draw_objects(image, result, visualizer, truth=True),
        _draw_objects(image, result, visualizer, truth=False),
        *(
            draw_boxes(overlay(image, x[0].abs().mean(dim=0).numpy()), boxes)
            for x, boxes in zip(levels, priors, strict=True)
        ),
    ]


def _draw_objects(
    image: np.ndarray,
    result: DetDataSample,
    visualizer: DetLocalVisualizer,
    truth: bool,
) -> np.ndarray:
    visualizer.add_datasample(
        'image',
        image[..., ::-1],
        result,
        draw_gt=truth,
        draw_pred=not truth,
        pred_score_thr=SCORE_THRESHOLD,
    )
    return visualizer.get_image()


def _dense_head(model: Any) -> Any:
    return model.rpn_head if hasattr(model, 'rpn_head') else model.bbox_head


def matched_priors(
    model: Any, sizes: list[torch.Size], result: DetDataSample
) -> list[np.ndarray]:
    """Return the anchors that training would assign to the true boxes.

    Args:
        model: A two-stage detector, RetinaNet, or FCOS, whose cells are returned.
        sizes: Height and width of each pyramid level.
        result: Sample with the true boxes in pixels of the original image.

    Returns:
        For each level (n, 4): x1, y1, x2, y2 in pixels of the original image.
    """
    head = _dense_head(model)
    generator = head.prior_generator
    priors = generator.grid_priors(sizes, device='cpu')
    factor = torch.tensor(result.scale_factor).repeat(2)
    boxes = result.gt_instances.bboxes
    boxes = getattr(boxes, 'tensor', boxes) * factor
    truth = InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long))
    if hasattr(head, 'assigner'):
        flat = InstanceData(priors=torch.cat(priors))
        assigned = head.assigner.assign(flat, truth).gt_inds
        positive = (assigned > 0).split([len(p) for p in priors])
        cells = priors
    else:
        labels, _ = head.get_targets(priors, [truth])
        positive = [level < head.num_classes for level in labels]
        cells = [
            torch.cat([points - stride[0] / 2, points + stride[0] / 2], dim=1)
            for points, stride in zip(priors, generator.strides, strict=True)
        ]
    return [
        (cell[chosen] / factor).numpy()
        for cell, chosen in zip(cells, positive, strict=True)
    ]
