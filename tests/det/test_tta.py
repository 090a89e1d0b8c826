"""Boxes and masks of flipped views are merged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet')

from mmdet.structures import DetDataSample
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData
from torch import nn

from hrnet_mm.det import InstanceTTAModel

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/det'
HEIGHT, WIDTH = 8, 12
AXES = dict(horizontal=[1], vertical=[0], diagonal=[0, 1])


class Module(nn.Module):
    def test_step(self, data):
        """Never called; mmengine looks for it."""


def prediction(boxes: list[list[int]], scores: list[float], direction: str | None):
    """Rectangles, which fill their boxes but for the upper left corner."""
    masks = torch.zeros(len(boxes), HEIGHT, WIDTH, dtype=torch.bool)
    corners = torch.tensor(boxes, dtype=torch.float).reshape(-1, 4)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
        mask[y1, x1] = False
    if direction:
        masks = masks.flip([axis + 1 for axis in AXES[direction]])
        x1, y1, x2, y2 = corners.unbind(dim=1)
        if 1 in AXES[direction]:
            x1, x2 = WIDTH - x2, WIDTH - x1
        if 0 in AXES[direction]:
            y1, y2 = HEIGHT - y2, HEIGHT - y1
        corners = torch.stack([x1, y1, x2, y2], dim=1)
    sample = DetDataSample(
        metainfo=dict(
            ori_shape=(HEIGHT, WIDTH), flip=bool(direction), flip_direction=direction
        )
    )
    sample.pred_instances = InstanceData(
        bboxes=corners,
        scores=torch.tensor(scores),
        labels=torch.zeros(len(boxes), dtype=torch.long),
        masks=masks,
    )
    return sample


def merged(*views: DetDataSample, max_per_img: int = 100) -> InstanceData:
    cfg = dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=max_per_img)
    model = InstanceTTAModel(module=Module(), tta_cfg=ConfigDict(cfg))
    (result,) = model.merge_preds([list(views)])
    return result.pred_instances


@pytest.mark.parametrize('direction', AXES)
def test_flipped_boxes_and_masks_are_flipped_back(direction):
    plain = prediction([[1, 2, 5, 6]], [0.6], None)
    # the same object, seen better, and one that the plain view misses
    mirrored = prediction([[1, 2, 5, 6], [7, 0, 11, 3]], [0.9, 0.7], direction)
    expected = prediction([[1, 2, 5, 6], [7, 0, 11, 3]], [0.9, 0.7], None)
    found = merged(plain, mirrored)
    for name, value in expected.pred_instances.items():
        assert torch.equal(found[name], value), name


def test_the_best_are_kept():
    one, other = ([[1, 2, 5, 6]], [0.6], None), ([[7, 0, 11, 3]], [0.7], 'horizontal')
    found = merged(prediction(*one), prediction(*other), max_per_img=1)
    assert found.bboxes.tolist() == [[7, 0, 11, 3]]
    assert found.masks.shape == (1, HEIGHT, WIDTH)


def test_no_objects_stay_none():
    found = merged(prediction([], [], None), prediction([], [], 'horizontal'))
    assert len(found) == 0
    assert found.masks.shape == (0, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    'leaf',
    [
        'cascade-rcnn_hrnetv2p_w18_visdrone-1x',
        'fcos_hrnetv2p_w18_wider-face-640x640',
        'retinanet_hrnetv2p_w18_wider-face-640x640',
    ],
)
def test_as_many_boxes_remain_as_without_views(leaf):
    """MMDetection's default is 100."""
    cfg = Config.fromfile(str(CONFIGS / f'{leaf}.py'))
    kept = cfg.model.test_cfg.get('rcnn', cfg.model.test_cfg)
    wanted = dict(nms=kept.nms, max_per_img=kept.max_per_img)
    assert cfg.tta_model.tta_cfg == wanted
