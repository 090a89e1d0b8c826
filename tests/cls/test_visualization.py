"""Pictures while training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip('mmpretrain')

import torch
from mmengine.visualization import Visualizer
from mmpretrain.structures import DataSample

from hrnet_mm.cls import VisualizationHook


@pytest.mark.parametrize('channels', [1, 3, 5])
def test_images_of_any_number_of_channels_are_drawn(channels, monkeypatch):
    drawn = []
    visualizer = SimpleNamespace(
        visualize_cls=lambda image, **kwargs: drawn.append(image)
    )
    monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: visualizer)
    inputs = [torch.full((channels, 6, 7), i, dtype=torch.uint8) for i in range(4)]
    hook = VisualizationHook(enable=True, interval=2)
    hook._draw_samples(0, dict(inputs=inputs), [DataSample()] * 4)
    assert [image.shape for image in drawn] == [(6, 7, 3)] * 2
    assert [image.max() for image in drawn] == [0, 2]
