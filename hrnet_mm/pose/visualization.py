"""Visualization of pose models: the hook, and the figures of ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib import colormaps
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.models import BottomupPoseEstimator
from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer
from torch import Tensor

from hrnet_mm.images import drawable
from hrnet_mm.registry import HOOKS
from hrnet_mm.visualization import (
    Colour,
    Skeleton,
    SparseVisualization,
    draw_skeleton,
    open_trained,
    overlay,
    save_sheet,
)

from .heads import HigherHRNetHead


@HOOKS.register_module()
class SparsePoseVisualizationHook(SparseVisualization, PoseVisualizationHook):
    """MMPose's visualization hook that draws one image of each ``interval``-th batch.

    With ``--show-dir``, it draws every image.
    """


def draw_circles_with_numpy_scalars() -> None:
    """Patch mmpose 1.3, which calls ``int`` on an array with one element.

    numpy 2.4 raises ``TypeError`` for it, which would end training at the first
    validation.
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


KEYPOINT_THRESHOLD = 0.3  # minimum score of a drawn keypoint
INSTANCE_THRESHOLD = 0.2  # drops instances grouped from a few stray keypoints
TAG_THRESHOLD = 0.1  # minimum heatmap value of a pixel whose tag is drawn
ZOOM = 3


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 6) -> Path:
    """Plot a figure with a row for each test sample.

    The columns are ground truth, prediction, the maximum over all heatmaps, and the
    magnitude of the four streams. For HigherHRNet the last column is the tag of the
    most likely keypoint at each pixel; DEKR and CID have none.

    Args:
        config: Path of a config of MMPose, with ``test_dataloader``.
        checkpoint: Path of the weights.
        path: Path of the image file to write.
        rows: Number of samples, evenly spaced in the test data.

    Returns:
        ``path``.
    """
    cfg = Config.fromfile(config)
    cfg.model.test_cfg = dict(cfg.model.get('test_cfg') or {}, output_heatmaps=True)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    info = dataset.metainfo
    skeleton = Skeleton([*info['keypoint_id2name'].values()], info['skeleton_links'])
    titles = ['truth', 'prediction', 'heatmaps']
    if isinstance(model, BottomupPoseEstimator):
        draw_row = draw_bottomup_row
        titles += ['tags'] * isinstance(model.head, HigherHRNetHead)
    else:
        draw_row = _draw_topdown_row
        titles += [f'stream {b}: 1/{4 * 2**b}' for b in range(4)]
    images = [
        draw_row(model, dataset[i], dataset.get_data_info(i), skeleton) for i in chosen
    ]
    return save_sheet(images, titles, path)


def _draw_topdown_row(
    model: Any, sample: dict, truth: dict, skeleton: Skeleton
) -> list[np.ndarray]:
    streams: list[Tensor] = []
    # the outputs of the branches of the last module, before the last exchange
    hook = model.backbone.stage4[-1].branches.register_forward_hook(
        lambda module, args, output: streams.extend(output)
    )
    crop, result = _predict(model, sample)
    hook.remove()
    drawings = _draw_keypoints(crop, result, truth, skeleton, colours=[None])
    heat = result.pred_fields.heatmaps.cpu().numpy().max(axis=0)
    maps = [heat, *(x[0].abs().mean(dim=0).numpy() for x in streams[:4])]
    return [*drawings, *(overlay(_enlarge(crop), m) for m in maps)]


def draw_bottomup_row(
    model: Any, sample: dict, truth: dict, skeleton: Skeleton
) -> list[np.ndarray]:
    """Draw ground truth, prediction, heatmaps and, of HigherHRNet, tags of one image.

    Returns:
        Images of equal size, (H, W, 3) in RGB.
    """
    image, result = _predict(model, sample)
    found = result.pred_instances
    result.pred_instances = found[found.bbox_scores > INSTANCE_THRESHOLD]
    tab10 = np.array(colormaps['tab10'].colors) * 255  # type: ignore[attr-defined]
    colours = [tuple(row) for row in tab10[:, ::-1].astype(int).tolist()]
    drawings = _draw_keypoints(image, result, truth, skeleton, colours)
    heat = result.pred_fields.heatmaps.cpu().numpy()
    # CID has no heatmaps if it finds nobody
    highest = heat.max(axis=0) if len(heat) else np.zeros(heat.shape[1:])
    row = [*drawings, overlay(_enlarge(image), highest)]
    if 'tags' not in result.pred_fields:
        return row
    tags = result.pred_fields.tags.cpu().numpy()[: len(heat)]  # those without flip
    likeliest = heat.argmax(axis=0)[None]
    tag = np.take_along_axis(tags, likeliest, axis=0)[0]
    return [*row, _draw_tags(_enlarge(image), tag, highest > TAG_THRESHOLD)]


def _predict(model: Any, sample: dict) -> tuple[np.ndarray, Any]:
    # returns the input image, (H, W, 3) in BGR, and the data sample
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    inputs = sample['inputs']
    image = inputs[0] if isinstance(inputs, list) else inputs
    return drawable(image.permute(1, 2, 0).numpy()), result


def _draw_keypoints(
    image: np.ndarray,
    result: Any,
    truth: dict,
    skeleton: Skeleton,
    colours: Sequence[Colour | None],
) -> list[np.ndarray]:
    predicted = result.pred_instances
    drawings = []
    for keypoints, visible in (
        (truth['keypoints'], truth['keypoints_visible'] > 0),
        (predicted.keypoints, predicted.keypoint_scores > KEYPOINT_THRESHOLD),
    ):
        canvas = _enlarge(image)
        points = _to_input_pixels(keypoints, result.metainfo, image.shape[1::-1])
        drawn = np.concatenate([points, np.where(visible, 2, 0)[..., None]], axis=-1)
        for instance, colour in zip(drawn, cycle(colours), strict=False):
            draw_skeleton(canvas, instance, ZOOM, skeleton, colour)
        drawings.append(canvas[..., ::-1])
    return drawings


def _to_input_pixels(
    points: np.ndarray, meta: dict, size: tuple[int, int]
) -> np.ndarray:
    # from pixels of the original image to pixels of the network input
    centre, scale = meta['input_center'], meta['input_scale']
    return (points - centre + scale / 2) / scale * (np.array(size) - 1)


def _draw_tags(image: np.ndarray, tag: np.ndarray, valid: np.ndarray) -> np.ndarray:
    # a colour for each tag, over the grey image; RGB, 0 to 1
    size = (image.shape[1], image.shape[0])
    low, high = np.percentile(tag[valid], (2, 98)) if valid.any() else (0, 1)
    scaled = ((tag - low) / max(high - low, 1e-12)).clip(0, 1)
    tints = colormaps['turbo'](scaled)[..., :3].astype(np.float32)
    tints = cv2.resize(tints, size, interpolation=cv2.INTER_NEAREST)
    mask = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    return 0.35 * grey + 0.65 * tints * mask[..., None]


def _enlarge(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
