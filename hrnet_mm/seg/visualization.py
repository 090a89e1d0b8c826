"""Visualization of segmentors: the hook, and the figures of ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook as MmsegHook
from mmseg.models.segmentors import DepthEstimator
from mmseg.visualization import SegLocalVisualizer
from torch import Tensor

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS, VISUALIZERS
from hrnet_mm.visualization import (
    draw_labels,
    open_trained,
    overlay,
    read_image,
    save_sheet,
)

from .heads import soft_regions
from .segmentor import OCRNet


@HOOKS.register_module()
class SegVisualizationHook(OptionalHook, MmsegHook):
    """MMSegmentation's hook for images that OpenCV cannot read as 8-bit BGR, too."""

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[Any],
        mode: str = 'val',
    ) -> None:
        is_due = self.every_n_inner_iters(batch_idx, self.interval)
        for output in outputs if self.draw and mode != 'train' and is_due else ():
            self._visualizer.add_datasample(
                f'{mode}_{Path(output.img_path).name}',
                read_image(output.img_path)[..., ::-1],
                data_sample=output,
                show=self.show,
                wait_time=self.wait_time,
                step=runner.iter,
            )


@VISUALIZERS.register_module()
class SegVisualizer(SegLocalVisualizer):
    """``SegLocalVisualizer`` for images in any memory layout.

    OpenCV cannot draw on the transposed view of a tensor, which MMSegmentation's
    ``browse_dataset`` passes.
    """

    def _draw_sem_seg(self, image: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return super()._draw_sem_seg(np.ascontiguousarray(image), *args, **kwargs)


Prediction = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """Plot a figure with a row for each test image.

    The columns are image, ground truth, prediction, and for OCR the soft region of each
    class that occurs in the ground truth or the prediction (``soft_regions``). For a
    depth estimator they are image, ground truth, prediction and relative error.

    Args:
        config: Path of a config of MMSegmentation, with ``test_dataloader``.
        checkpoint: Path of the weights.
        path: Path of the image file to write.
        rows: Number of images, evenly spaced in the test data.

    Returns:
        ``path``.
    """
    cfg = Config.fromfile(config)
    cfg.model.test_cfg = dict(mode='whole')  # regions span the whole image
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    if isinstance(model, DepthEstimator):
        depths = [predict_depth(model, dataset[i]) for i in chosen]
        return save_depth_sheet(depths, path)
    predictions = [predict(model, dataset[i]) for i in chosen]
    labels = sorted({c for row in predictions for m in row[1:3] for c in np.unique(m)})
    classes = dataset.metainfo['classes']
    palette = complete_palette(dataset.metainfo.get('palette'), len(classes))
    has_regions = predictions[0][3] is not None
    shown = [c for c in labels if c < len(classes)] if has_regions else []
    images = [
        [
            image[..., ::-1],
            *(draw_labels(image, m, palette) for m in (truth, found)),
            *(overlay(image, regions[c]) for c in shown if regions is not None),
        ]
        for image, truth, found, regions in predictions
    ]
    titles = ['image', 'truth', 'prediction', *(classes[c] for c in shown)]
    return save_sheet(images, titles, path)


def predict(model: Any, sample: dict) -> Prediction:
    """Run a segmentor on one sample.

    Returns:
        The image, (H, W, 3) in BGR; the true and the predicted labels, (H, W); for OCR
        the soft regions, (K, H, W), else None.
    """
    logits: list[Tensor] = []
    hook = None
    if isinstance(model, OCRNet):
        # on the classifier: mmseg calls head.forward(), which skips hooks of the head
        hook = model.decode_head[0].conv_seg.register_forward_hook(
            lambda module, args, output: logits.append(output)
        )
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    if hook:
        hook.remove()
    image = read_image(result.metainfo['img_path'])
    truth, found = (  # binary heads predict floating-point labels
        part.data[0].cpu().numpy().astype(int)
        for part in (result.gt_sem_seg, result.pred_sem_seg)
    )
    regions = soft_regions(logits[0])[0].cpu().numpy() if logits else None
    return image, truth, found, regions


Depths = tuple[np.ndarray, np.ndarray, np.ndarray]


def predict_depth(model: DepthEstimator, sample: dict) -> Depths:
    """Run a depth estimator on one sample.

    Returns:
        The image, (H, W, 3) in BGR; the true depth and the predicted one, (H, W), in
        metres.
    """
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    truth, found = (
        part.data[0].cpu().numpy()
        for part in (result.gt_depth_map, result.pred_depth_map)
    )
    return read_image(result.metainfo['img_path']), truth, found


def save_depth_sheet(rows: Sequence[Depths], path: Path) -> Path:
    """Write a figure with a row for each result of ``predict_depth``.

    Near pixels are bright, pixels without a depth black. All rows have the same range.

    Returns:
        ``path``.
    """
    measured = np.concatenate([truth[truth > 0] for _, truth, _ in rows])
    if not measured.size:
        raise ValueError(
            'no pixel of the chosen images has a true depth: use more rows'
        )
    near, far = float(measured.min()), float(measured.max())
    images = [
        [
            image[..., ::-1],
            draw_depth(truth, near, far),
            draw_depth(found, near, far),
            _draw_error(truth, found),
        ]
        for image, truth, found in rows
    ]
    caption = (
        f'depth: {near:.2f} m (bright) to {far:.2f} m (dark); '
        f'error: 0 (dark) to {LARGEST_ERROR:.0%} of the true depth or more (bright)'
    )
    titles = ['image', 'truth', 'prediction', 'error']
    return save_sheet(images, titles, path, caption)


def draw_depth(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """Draw depths in colours, from ``near``, bright, to ``far``, dark.

    The colours are linear in the inverse depth, as disparity.

    Args:
        depth: (H, W), in metres; 0 for pixels without a depth, which are black.
        near: The smallest depth, more than 0.
        far: The largest depth.

    Returns:
        (H, W, 3) in RGB, 0 to 1.
    """
    inverse = 1 / np.clip(depth, near, far)
    span = max(1 / near - 1 / far, 1e-12)
    # the lower end of the colours is nearly black, which means no depth
    shares = 0.15 + 0.85 * (inverse - 1 / far) / span
    return np.where(depth[..., None] > 0, colormaps['inferno'](shares)[..., :3], 0)


LARGEST_ERROR = 0.25  # d1 counts pixels with about this error or less


def _draw_error(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    measured = truth > 0
    error = np.abs(found - truth) / np.where(measured, truth, 1) / LARGEST_ERROR
    drawn = colormaps['viridis'](np.minimum(error, 1))[..., :3]
    return np.where(measured[..., None], drawn, 0)
