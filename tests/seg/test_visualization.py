"""SegVisualizer draws on images of any memory layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from hrnet_mm.seg import SegVisualizer


def test_the_layout_of_a_tensor_changes_nothing(tmp_path):
    """As an image comes out of a pipeline, with its channels last in a view."""
    generator = torch.Generator().manual_seed(0)
    tensor = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8, generator=generator)
    view = tensor.permute(1, 2, 0).numpy()
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 40, 60).long()))
    visualizer = SegVisualizer(save_dir=str(tmp_path))
    visualizer.dataset_meta = dict(classes=('road',), palette=[(0, 200, 0)])
    drawn = []
    for image in (view, np.ascontiguousarray(view)):
        visualizer.add_datasample('a', image, sample, draw_pred=False)
        drawn.append(visualizer.get_image())
    assert np.array_equal(*drawn)
    assert (drawn[0][..., 1] > view[..., 1] * 0.2 + 100).mean() > 0.5
