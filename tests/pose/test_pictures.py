"""Figures of `hrnet-mm show` for pose models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('mmpose')
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from hrnet_mm.pose.visualization import draw_bottomup_row
from hrnet_mm.visualization import Skeleton


@pytest.mark.parametrize('channels', [3, 1])
@pytest.mark.parametrize(('score', 'drawn'), [(0.9, True), (0.05, False)])
def test_instances_of_low_score_are_not_drawn(score, drawn, channels):
    """Refinement completes all instances, including false ones."""
    joints = np.array([[[8.0, 8.0], [24.0, 24.0]]])
    sample = PoseDataSample(
        metainfo=dict(input_center=[16, 16], input_scale=np.array([32, 32]))
    )
    sample.pred_instances = InstanceData(
        keypoints=joints,
        keypoint_scores=np.ones((1, 2)),
        bbox_scores=np.array([score]),
    )
    maps = torch.zeros(2, 32, 32)
    sample.pred_fields = PixelData(heatmaps=maps, tags=maps)
    model = SimpleNamespace(test_step=lambda batch: [sample])
    image = torch.zeros(channels, 32, 32, dtype=torch.uint8)
    nobody = dict(keypoints=joints[:0], keypoints_visible=np.zeros((0, 2)))

    truth, prediction, *_ = draw_bottomup_row(
        model, dict(inputs=image), nobody, Skeleton(['a', 'b'], [(0, 1)])
    )
    assert not truth.any()
    assert prediction.any() == drawn


@pytest.mark.parametrize('maps', [0, 4])
def test_models_without_tags_have_no_column_for_them(maps):
    """CID has K heatmaps for each person, hence none without people."""
    sample = PoseDataSample(
        metainfo=dict(input_center=[16, 16], input_scale=np.array([32, 32]))
    )
    sample.pred_instances = InstanceData(
        keypoints=np.zeros((0, 2, 2)),
        keypoint_scores=np.zeros((0, 2)),
        bbox_scores=np.zeros(0),
    )
    sample.pred_fields = PixelData(heatmaps=torch.zeros(maps, 8, 8))
    model = SimpleNamespace(test_step=lambda batch: [sample])
    nobody = dict(keypoints=np.zeros((0, 2, 2)), keypoints_visible=np.zeros((0, 2)))
    image = torch.zeros(3, 32, 32, dtype=torch.uint8)
    skeleton = Skeleton(['a', 'b'], [(0, 1)])
    row = draw_bottomup_row(model, dict(inputs=image), nobody, skeleton)
    assert len(row) == 3
    assert len({drawing.shape for drawing in row}) == 1
