"""Pictures of pose models: the visualization hook, ``hrnet-mm show``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import wraps
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.models import BottomupPoseEstimator
from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer
from torch import Tensor

from hrnet_mm.images import drawable
from hrnet_mm.registry import HOOKS
from hrnet_mm.tiny_people.contact_sheet import Colour, Skeleton, draw_skeleton
from hrnet_mm.visualization import (
    SparseVisualization,
    open_trained,
    overlay,
    save_sheet,
)


@HOOKS.register_module()
class SparsePoseVisualizationHook(SparseVisualization, PoseVisualizationHook):
    """MMPose's hook at a bounded cost; its ``--show-dir`` sets the interval to 1."""


def draw_circles_with_numpy_scalars() -> None:
    """Let joints be drawn although mmpose 1.3 calls ``int`` on an array of one.

    numpy 2.4 refuses that, which would end training at the first validation.
    """
    original = OpencvBackendVisualizer.draw_circles
    if hasattr(original, 'takes_arrays'):
        return

    @wraps(original)
    def draw_circles(self: Any, center: Any, radius: Any, *args: Any, **kw: Any) -> Any:
        if self.backend == 'opencv':
            radius = float(np.ravel(radius)[0])
        return original(self, center, radius, *args, **kw)

    draw_circles.takes_arrays = True  # type: ignore[attr-defined]
    OpencvBackendVisualizer.draw_circles = draw_circles


SHOWN = 0.3  # joints of a lower score are not drawn
PERSON = 0.2  # nor are people who were grouped from a few stray joints
TAGGED = 0.1  # pixels of less heat are nobody's
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
    """What a model sees: of a crop, of a face, or of all people of an image.

    A row for each sample: truth, prediction and joint heatmaps; then the four streams,
    or, bottom-up, what tells people apart: the tag of the likeliest joint of each
    pixel, where there may be one.

    Args:
        config: Of MMPose, with ``test_dataloader``.
        checkpoint: The weights.
        path: Of the image file to write.
        rows: The number of samples, evenly from the test data.

    Returns:
        The path.
    """
    cfg = Config.fromfile(config)
    cfg.model.test_cfg = dict(cfg.model.get('test_cfg') or {}, output_heatmaps=True)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    info = dataset.metainfo
    skeleton = Skeleton([*info['keypoint_id2name'].values()], info['skeleton_links'])
    titles = ['truth', 'prediction', 'joint heatmaps']
    if isinstance(model, BottomupPoseEstimator):
        row = people_of
        titles += ['tags']
    else:
        row = row_of
        titles += [f'stream {b}: 1/{4 * 2**b}' for b in range(4)]
    pictures = [
        row(model, dataset[i], dataset.get_data_info(i), skeleton) for i in chosen
    ]
    return save_sheet(pictures, titles, path)


def row_of(
    model: Any, sample: dict, truth: dict, skeleton: Skeleton
) -> list[np.ndarray]:
    """The pictures of one person, all of its crop."""
    streams: list[Tensor] = []
    # the outputs of the branches of the last module, before the last exchange
    hook = model.backbone.stage4[-1].branches.register_forward_hook(
        lambda module, args, output: streams.extend(output)
    )
    crop, result = seen_by(model, sample)
    hook.remove()
    drawings = drawings_of(crop, result, truth, skeleton, colours=[None])
    joints = result.pred_fields.heatmaps.cpu().numpy().max(axis=0)
    maps = [joints, *(x[0].abs().mean(dim=0).numpy() for x in streams[:4])]
    return [*drawings, *(overlay(enlarged(crop), m) for m in maps)]


def people_of(
    model: Any, sample: dict, truth: dict, skeleton: Skeleton
) -> list[np.ndarray]:
    """The pictures of one image, with all of its people."""
    image, result = seen_by(model, sample)
    found = result.pred_instances
    result.pred_instances = found[found.bbox_scores > PERSON]
    tab10 = np.array(colormaps['tab10'].colors) * 255  # type: ignore[attr-defined]
    colours = [tuple(row) for row in tab10[:, ::-1].astype(int).tolist()]
    drawings = drawings_of(image, result, truth, skeleton, colours)
    heat = result.pred_fields.heatmaps.cpu().numpy()
    tags = result.pred_fields.tags.cpu().numpy()[: len(heat)]  # of the first view
    likeliest = heat.argmax(axis=0)[None]
    tag = np.take_along_axis(tags, likeliest, axis=0)[0]
    return [
        *drawings,
        overlay(enlarged(image), heat.max(axis=0)),
        tags_on(enlarged(image), tag, heat.max(axis=0) > TAGGED),
    ]


def seen_by(model: Any, sample: dict) -> tuple[np.ndarray, Any]:
    """The image that a model got, (H, W, 3) in BGR, and what it says of it."""
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    inputs = sample['inputs']  # at several scales, the first
    image = inputs[0] if isinstance(inputs, list) else inputs
    return drawable(image.permute(1, 2, 0).numpy()), result


def drawings_of(
    image: np.ndarray,
    result: Any,
    truth: dict,
    skeleton: Skeleton,
    colours: Sequence[Colour | None],
) -> list[np.ndarray]:
    """Truth and prediction on an enlarged image; RGB."""
    predicted = result.pred_instances
    drawings = []
    for people, seen in (
        (truth['keypoints'], truth['keypoints_visible'] > 0),
        (predicted.keypoints, predicted.keypoint_scores > SHOWN),
    ):
        picture = enlarged(image)
        points = to_input(people, result.metainfo, image.shape[1::-1])
        drawn = np.concatenate([points, np.where(seen, 2, 0)[..., None]], axis=-1)
        for person, colour in zip(drawn, cycle(colours), strict=False):
            draw_skeleton(picture, person, ZOOM, skeleton, colour)
        drawings.append(picture[..., ::-1])
    return drawings


def to_input(points: np.ndarray, meta: dict, size: tuple[int, int]) -> np.ndarray:
    """From pixels of the image file to pixels of what the network saw."""
    centre, scale = meta['input_center'], meta['input_scale']
    return (points - centre + scale / 2) / scale * (np.array(size) - 1)


def tags_on(image: np.ndarray, tag: np.ndarray, there: np.ndarray) -> np.ndarray:
    """A colour for each tag, over an image in grey, where there is one; RGB, 0 to 1."""
    size = (image.shape[1], image.shape[0])
    low, high = np.percentile(tag[there], (2, 98)) if there.any() else (0, 1)
    scaled = ((tag - low) / max(high - low, 1e-12)).clip(0, 1)
    tints = colormaps['turbo'](scaled)[..., :3].astype(np.float32)
    tints = cv2.resize(tints, size, interpolation=cv2.INTER_NEAREST)
    mask = cv2.resize(there.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    return 0.35 * grey + 0.65 * tints * mask[..., None]


def enlarged(crop: np.ndarray) -> np.ndarray:
    """The crop, large enough to draw on."""
    return cv2.resize(crop, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
