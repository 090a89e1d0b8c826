"""Figures of `hrnet-mm show` for segmentors."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.apis import init_model
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample

from hrnet_mm.seg import SegVisualizationHook
from hrnet_mm.seg.visualization import draw_depth, predict, save_depth_sheet
from hrnet_mm.visualization import draw_labels

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/seg'


@pytest.fixture
def seen(few_people, monkeypatch):
    """What is seen of the first test image."""
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))

    def see(name: str, **head):
        cfg = Config.fromfile(str(CONFIGS / f'{name}_w18_small_v1_tiny-seg.py'))
        if head:
            cfg.model.decode_head = [dict(h, **head) for h in cfg.model.decode_head]
        init_default_scope('mmseg')
        sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
        return predict(init_model(cfg, device='cpu'), sample)

    return see


@pytest.mark.parametrize('name', ['hrnetv2', 'hrnetv2-ocr'])
def test_the_regions_of_ocr_are_seen(name, seen):
    image, truth, found, regions = seen(name)
    assert image.shape == (160, 192, 3)
    assert truth.shape == found.shape == (160, 192)
    if name == 'hrnetv2':
        assert regions is None
    else:
        assert regions.shape == (5, 40, 48)
        np.testing.assert_allclose(regions.sum((1, 2)), 1, rtol=1e-4)


def test_a_binary_head_is_seen_with_both_regions(seen):
    image, _, found, regions = seen('hrnetv2-ocr', num_classes=2, out_channels=1)
    assert regions.shape == (2, 40, 48)
    assert draw_labels(image, found, [(0, 0, 0), (255, 0, 0)]).shape == image.shape


def test_near_pixels_are_bright_and_pixels_without_depth_black():
    depth = np.array([[0, 2, 4, 8]], np.float32)
    none, near, middle, far = draw_depth(depth, 2, 8)[0].sum(axis=1)
    assert near > middle > far > none == 0
    assert np.ptp(draw_depth(np.full((2, 2), 3.0), 3, 3)) < 1


def test_truth_and_prediction_of_depth_are_drawn_with_one_range(tmp_path):
    image = np.zeros((8, 10, 3), np.uint8)
    truth = np.full((8, 10), 4, np.float32)
    truth[:, :5] = 2
    truth[0] = 0
    path = save_depth_sheet([(image, truth, 1.1 * truth)] * 2, tmp_path / 'sheet.png')
    assert min(cv2.imread(str(path)).shape[:2]) > 200
    with pytest.raises(ValueError, match='no pixel of the chosen images has a true'):
        save_depth_sheet([(image, 0 * truth, truth)], tmp_path / 'sheet.png')


def test_an_image_that_opencv_reads_in_no_colour_is_drawn(tmp_path):
    path = str(tmp_path / 'x.tif')
    cv2.imwrite(path, np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    sample = SegDataSample(metainfo=dict(img_path=path))
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    sample.pred_sem_seg = PixelData(data=labels)
    drawn = []
    hook = SegVisualizationHook.__new__(SegVisualizationHook)
    hook.draw, hook.interval, hook.show, hook.wait_time = True, 2, False, 0
    hook._visualizer = SimpleNamespace(
        add_datasample=lambda name, image, **kwargs: drawn.append((name, image.shape))
    )
    for batch in range(4):
        hook.after_val_iter(SimpleNamespace(iter=0), batch, {}, [sample])
    assert drawn == [('val_x.tif', (8, 8, 3))] * 2
