"""Figures of `hrnet-mm show` for detectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmdet')

from mmdet.models import FCOS
from mmdet.registry import DATASETS, MODELS
from mmdet.visualization import DetLocalVisualizer
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from hrnet_mm.det.visualization import draw_row, matched_priors

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FCOS_HEAD = dict(
    type='FCOSHead', num_classes=1, in_channels=64, feat_channels=64,
    strides=[8, 16, 32, 64, 128],
)  # fmt: skip


@pytest.fixture(params=['two stages', 'fcos', 'retinanet'])
def seen(request, few_people, monkeypatch):
    """A detector, and a test image of TinyPeople."""
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    name = 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py'
    if request.param == 'retinanet':
        name = 'det/retinanet_hrnetv2p_w18_small_v1_tiny-faces.py'
    cfg = Config.fromfile(str(CONFIGS / name))
    model = cfg.model
    if request.param == 'fcos':
        base = Config.fromfile(str(CONFIGS / '_base_/det/fcos.py')).model
        neck = dict(model.neck, stride=2)
        model = dict(base, backbone=model.backbone, neck=neck, bbox_head=FCOS_HEAD)
    init_default_scope('mmdet')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return MODELS.build(model).eval(), dataset


def test_a_row_is_truth_prediction_and_the_levels(seen):
    model, dataset = seen
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    pictures = draw_row(model, dataset[0], visualizer)
    levels = len(model.neck.fpn_convs)
    assert [p.shape for p in pictures] == [(160, 192, 3)] * (2 + levels)
    assert not np.array_equal(pictures[0], pictures[1])  # untrained, it finds nothing


def test_every_true_box_has_a_prior_that_matches_it(seen):
    model, dataset = seen
    (result,) = model.test_step(pseudo_collate([dataset[0]]))
    levels = len(model.neck.fpn_convs)
    first = 8 if isinstance(model, FCOS) else 4
    sides = [first << i for i in range(levels)]
    sizes = [(160 // side or 1, 192 // side or 1) for side in sides]
    priors = matched_priors(model, sizes, result)
    assert len(priors) == levels
    boxes = np.concatenate(priors)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    for x1, y1, x2, y2 in result.gt_instances.bboxes.tolist():
        inside = (centres > (x1, y1)).all(1) & (centres < (x2, y2)).all(1)
        assert inside.any()
