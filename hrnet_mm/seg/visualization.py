"""Visualization of segmentors: the hook, and the figures of ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook as MmsegHook
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
    class that occurs in the ground truth or the prediction (``soft_regions``).

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
