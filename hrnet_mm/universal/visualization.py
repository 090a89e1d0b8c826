"""Visualization of several tasks: the hook, and the figures of ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dist import master_only
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, InstanceData

from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS
from hrnet_mm.visualization import open_trained, overlay, read_image, save_sheet

from .pictures import (
    Predictors,
    add_panels,
    draw_maps,
    draw_together,
    is_topdown,
    task_predictors,
)
from .samples import TaskSamples


@HOOKS.register_module()
class UniversalVisualizationHook(OptionalHook):
    """Draws all tasks of the first image of some batches in validation and tests.

    Args:
        interval: It draws each ``interval``-th batch.
        enable: See ``OptionalHook``.
    """

    def __init__(self, interval: int = 50, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.interval = interval

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any, outputs: Sequence[Any]
    ) -> None:
        """Draw a prediction of each ``interval``-th batch."""
        self._draw('val', runner, batch_idx, outputs)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any, outputs: Sequence[Any]
    ) -> None:
        """Draw a prediction of each ``interval``-th batch."""
        self._draw('test', runner, batch_idx, outputs)

    @master_only  # the visualizers of the libraries draw there only
    def _draw(
        self, mode: str, runner: Runner, batch_idx: int, outputs: Sequence[TaskSamples]
    ) -> None:
        if batch_idx % self.interval:
            return
        loader = runner.val_dataloader if mode == 'val' else runner.test_dataloader
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        sample = outputs[0].cpu()
        shown = [name for name in sample.tasks if not is_topdown(runner.cfg, name)]
        predictors = task_predictors(
            model, runner.cfg, loader.dataset.metainfo, only=shown
        )
        path = _path_of(sample)
        image = read_image(path)
        drawn = draw_together(image, sample, predictors)
        drawn = add_panels(drawn, draw_maps(image, sample, predictors))
        runner.visualizer.add_image(
            f'{mode}_{Path(path).name}', drawn[..., ::-1], step=runner.iter
        )


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """Plot a figure with a row for each test image.

    The columns are the ground truth and the prediction of all tasks together, then for
    each task that has a map its prediction, and for bottom-up pose the maximum over all
    heatmaps.

    Args:
        config: Path of a config of several tasks, with ``test_dataloader``.
        checkpoint: Path of the weights.
        path: Path of the image file to write.
        rows: Number of images, evenly spaced in the test data.

    Returns:
        ``path``.
    """
    cfg = Config.fromfile(config)
    for task in filter(None, cfg.model.tasks.values()):
        if task.get('type', '').endswith('BottomupPoseEstimator'):
            test_cfg = task.get('test_cfg') or {}
            task.test_cfg = dict(test_cfg, output_heatmaps=True)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    predictors = task_predictors(model, cfg, dataset.metainfo)
    drawn = [draw_row(model, dataset[i], predictors) for i in chosen]
    images = [[*row.values()] for row in drawn]
    caption = 'heatmaps: the maximum over all keypoints, bright is large'
    has_heatmaps = any('heatmaps' in title for title in drawn[0])
    return save_sheet(images, [*drawn[0]], path, caption if has_heatmaps else '')


def draw_row(
    model: Any, sample: dict[str, Any], predictors: Predictors
) -> dict[str, np.ndarray]:
    """Draw the truth and the predictions of all tasks on one image.

    Args:
        model: A ``Universal``.
        sample: A sample of the test data.
        predictors: See ``task_predictors``.

    Returns:
        By their titles, images of equal size, (H, W, 3) in RGB.
    """
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    result = result.cpu()
    image = read_image(_path_of(result))
    pictures = dict(
        truth=draw_together(image, truth_of(result), predictors),
        prediction=draw_together(image, result, predictors),
        **draw_maps(image, result, predictors),
    )
    row = {title: picture[..., ::-1] for title, picture in pictures.items()}
    for name in result.tasks:
        fields = result.get(name).get('pred_fields', {})
        if len(heatmaps := fields.get('heatmaps', ())):
            row[f'{name}: heatmaps'] = overlay(
                image, _unpadded(heatmaps, result.get(name))
            )
    return row


def _unpadded(heatmaps: Any, sample: BaseDataElement) -> np.ndarray:
    # the maximum over heatmaps, (K, h, w), in the part of the batch that is the image
    highest = np.asarray(heatmaps).max(axis=0)
    shares = np.divide(sample.img_shape[:2], sample.batch_input_shape)
    height, width = np.rint(highest.shape * shares).astype(int)
    return highest[:height, :width]


def _path_of(sample: TaskSamples) -> str:
    return sample.get(sample.tasks[0]).img_path


def truth_of(sample: TaskSamples) -> TaskSamples:
    """Return the labels of all tasks as if they were predicted with certainty.

    Args:
        sample: Labels in the coordinates of the original image, as those of test data.
    """
    truth = TaskSamples()
    for name in sample.tasks:
        labels = sample.get(name)
        found = type(labels)(metainfo=labels.metainfo)
        for key, value in labels.items():
            if key.startswith('gt_'):
                certain = _certain(value) if isinstance(value, InstanceData) else value
                found.set_field(certain, key.replace('gt_', 'pred_', 1))
        truth.set_field(found, name)
    return truth


def _certain(labels: InstanceData) -> InstanceData:
    # what heads predict besides the labels, and masks as tensors
    number = len(labels)
    found = InstanceData(**dict(labels.items()))
    if 'keypoints' in labels:
        visible = labels.keypoints_visible
        found.keypoint_scores = (visible > 0).astype(np.float32)
        found.bbox_scores = np.ones(number, np.float32)
    else:
        found.scores = torch.ones(number)
    if 'masks' in labels:
        found.masks = labels.masks.to_tensor(torch.bool, 'cpu')
    return found
