"""Pictures of a trained pose model: how it learned and what it sees."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from hrnet_mm.data.pictures import draw_skeleton
from hrnet_mm.pictures import open_trained, overlay, save_sheet

SHOWN = 0.3  # joints of a lower score are not drawn
ZOOM = 3


def learning_curve(work_dir: Path) -> Path:
    """Loss and AP against epochs, from the newest log that mmengine keeps; a PNG."""
    logs = work_dir.glob('*/vis_data/scalars.json')
    log = max((p for p in logs if '"loss"' in p.read_text()), key=os.path.getmtime)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [row for row in rows if 'loss' in row]
    scores = [row for row in rows if 'coco/AP' in row]
    per_epoch = max(row['step'] for row in steps) / max(row['epoch'] for row in steps)

    figure = Figure(figsize=(7, 4), layout='constrained')
    left = figure.subplots()
    left.plot([r['step'] / per_epoch for r in steps], [r['loss'] for r in steps])
    left.set(xlabel='epoch', ylabel='loss (mean squared error)', yscale='log')
    left.grid(alpha=0.3)
    right = left.twinx()
    points = [row['step'] for row in scores], [row['coco/AP'] for row in scores]
    right.plot(*points, 'o-', color='tab:orange')
    right.set(ylabel='AP on the validation split (COCO)', ylim=(0, 1))
    left.yaxis.label.set_color('tab:blue')
    right.yaxis.label.set_color('tab:orange')
    path = work_dir / 'learning_curve.png'
    figure.savefig(path, dpi=150)
    return path


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 6) -> Path:
    """A row for each person: truth, prediction, joints, and the four streams.

    Args:
        config: Of MMPose, with ``test_dataloader``.
        checkpoint: The weights.
        path: Of the image file to write.
        rows: The number of people, evenly from the test data.

    Returns:
        The path.
    """
    cfg = Config.fromfile(config)
    cfg.model.test_cfg.output_heatmaps = True
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    pictures = [row_of(model, dataset[i], dataset.get_data_info(i)) for i in chosen]
    titles = ['truth', 'prediction', 'joint heat maps']
    titles += [f'stream {b}: 1/{4 * 2**b}' for b in range(4)]
    return save_sheet(pictures, titles, path)


def row_of(model: Any, sample: dict, truth: dict) -> list[np.ndarray]:
    """The pictures of one person, all of its crop."""
    streams: list[Tensor] = []
    # what the branches of the last module put out, before the last exchange
    hook = model.backbone.stage4[-1].branches.register_forward_hook(
        lambda module, args, output: streams.extend(output)
    )
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    hook.remove()
    crop = sample['inputs'].permute(1, 2, 0).numpy()  # BGR
    height, width = crop.shape[:2]
    meta = result.metainfo
    predicted = result.pred_instances
    pairs = [
        (truth['keypoints'][0], truth['keypoints_visible'][0]),
        (predicted.keypoints[0], predicted.keypoint_scores[0] > SHOWN),
    ]
    drawings = [
        skeleton_on(crop, to_crop(points, meta, (width, height)), seen)
        for points, seen in pairs
    ]
    joints = result.pred_fields.heatmaps.cpu().numpy().max(axis=0)
    maps = [joints, *(x[0].abs().mean(dim=0).numpy() for x in streams[:4])]
    return [*drawings, *(overlay(enlarged(crop), m) for m in maps)]


def to_crop(points: np.ndarray, meta: dict, size: tuple[int, int]) -> np.ndarray:
    """From pixels of the image to pixels of the crop that the network saw."""
    centre, scale = meta['input_center'], meta['input_scale']
    return (points - centre + scale / 2) / scale * (np.array(size) - 1)


def skeleton_on(crop: np.ndarray, points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Draw a skeleton on an enlarged crop; RGB."""
    picture = enlarged(crop)
    visibility = np.where(np.asarray(seen) > 0, 2, 0)
    draw_skeleton(picture, np.column_stack([points, visibility]), ZOOM)
    return picture[..., ::-1]


def enlarged(crop: np.ndarray) -> np.ndarray:
    """The crop, large enough to draw on."""
    return cv2.resize(crop, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
