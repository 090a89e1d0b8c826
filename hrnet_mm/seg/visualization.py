"""Pictures of segmentation models: the visualization hook, ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook as MmsegHook
from mmseg.visualization import SegLocalVisualizer
from torch import Tensor

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.registry import HOOKS, VISUALIZERS
from hrnet_mm.visualization import open_trained, overlay, read_image, save_sheet

from .heads import soft_regions
from .segmentor import OCRNet


@HOOKS.register_module()
class SegVisualizationHook(MmsegHook):
    """mmseg's hook, which also draws on what OpenCV cannot read in colour."""

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

    The stock one draws on an array of the layout of the image, which OpenCV refuses if
    it is that of a tensor, as in MMSegmentation's ``browse_dataset``.
    """

    def _draw_sem_seg(self, image: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return super()._draw_sem_seg(np.ascontiguousarray(image), *args, **kwargs)


Row = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """A row for each test image: image, truth, prediction, and the regions of OCR.

    A region is the map by which OCR averages the pixels of a class (``soft_regions``);
    those of all classes in truth or prediction are shown.

    Args:
        config: Of mmsegmentation, with ``test_dataloader``.
        checkpoint: The weights.
        path: Of the image file to write.
        rows: The number of images, evenly from the test data.

    Returns:
        The path.
    """
    cfg = Config.fromfile(config)
    cfg.model.test_cfg = dict(mode='whole')  # regions are of the whole image
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    seen = [look(model, dataset[i]) for i in chosen]
    labels = sorted({c for row in seen for m in row[1:3] for c in np.unique(m)})
    classes = dataset.metainfo['classes']
    palette = complete_palette(dataset.metainfo.get('palette'), len(classes))
    shown = [c for c in labels if c < len(classes)] if seen[0][3] is not None else []
    pictures = [
        [
            image[..., ::-1],
            *(coloured(image, m, palette) for m in (truth, found)),
            *(overlay(image, regions[c]) for c in shown if regions is not None),
        ]
        for image, truth, found, regions in seen
    ]
    titles = ['image', 'truth', 'prediction', *(classes[c] for c in shown)]
    return save_sheet(pictures, titles, path)


def look(model: Any, sample: dict) -> Row:
    """Image, true labels, predicted labels and, of OCR, the regions (K, H, W)."""
    logits: list[Tensor] = []
    hook = None
    if isinstance(model, OCRNet):
        # the classifier: mmseg calls `forward` of the head itself, past any hook
        hook = model.decode_head[0].conv_seg.register_forward_hook(
            lambda module, args, output: logits.append(output)
        )
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    if hook:
        hook.remove()
    image = read_image(result.metainfo['img_path'])
    truth, found = (  # a binary head predicts floating point numbers
        part.data[0].cpu().numpy().astype(int)
        for part in (result.gt_sem_seg, result.pred_sem_seg)
    )
    regions = soft_regions(logits[0])[0].cpu().numpy() if logits else None
    return image, truth, found, regions


def coloured(image: np.ndarray, labels: np.ndarray, palette: list) -> np.ndarray:
    """Labels in their colours over an image in grey; black where nobody labelled."""
    colours = np.zeros((256, 3))
    colours[: len(palette)] = palette
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    picture = 0.3 * grey + 0.7 * colours[labels] / 255
    return np.where(labels[..., None] < len(palette), picture, 0)
