"""What the pictures of predictions show, on images of any size."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from hrnet_mm.prediction.pictures import draw_text, draw_tracks

RED = (0, 0, 255)  # blue, green, red


@pytest.mark.parametrize('at', [(-50, -50), (500, 500), (3, 40)])
@pytest.mark.parametrize('size', [(1, 1), (60, 200)])
def test_text_is_inside_the_picture(size, at):
    picture = np.zeros((*size, 3), np.uint8)
    draw_text(picture, 'é name', at, RED)
    is_box = (picture == RED).all(axis=-1)
    assert is_box.any()
    if size[1] == 200:
        assert ((picture > 128).all(axis=-1)).sum() > 10
        assert not picture[:, 100 if at[0] < 100 else 0].any()


def test_a_track_of_number_0_is_not_drawn():
    picture = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[10, 10, 50, 90], [60, 10, 90, 90]], np.float32)
    draw_tracks(picture, boxes, np.array([0, 3]))
    assert not picture[:, :55].any()
    assert picture[10, 60:90].any(axis=-1).all()


def inferencer(**metainfo: object) -> SimpleNamespace:
    model = SimpleNamespace(dataset_meta=metainfo)
    return SimpleNamespace(model=model)


def test_objects_below_the_threshold_are_not_drawn():
    pytest.importorskip('mmdet')
    from hrnet_mm.det.predictor import DetPredictor

    predictor = DetPredictor.__new__(DetPredictor)
    predictor.threshold = 0.5
    predictor.classes, predictor.colours = ['a', 'b'], [[0, 0, 250], [250, 0, 0]]
    masks = torch.zeros(2, 80, 80, dtype=torch.bool)
    masks[0, 30:50, 10:30] = masks[1, 30:50, 50:70] = True
    objects = InstanceData(
        bboxes=torch.tensor([[8.0, 28, 32, 52], [48, 28, 72, 52]]),
        scores=torch.tensor([0.9, 0.4]),
        labels=torch.tensor([0, 1]),
        masks=masks,
    )
    image = np.full((80, 80, 3), 100, np.uint8)
    drawn = predictor.draw(image, SimpleNamespace(pred_instances=objects))
    assert drawn[40, 20].tolist() == [50, 50, 50 + 125]
    assert drawn[52, 20].tolist() == [0, 0, 250]
    assert (drawn[30:, 40:] == 100).all()  # the text above the first box is longer
    assert (image == 100).all()
    nothing = predictor.draw(image, SimpleNamespace(pred_instances=objects[:0]))
    assert (nothing == image).all()


def test_classes_are_drawn_in_their_colours():
    pytest.importorskip('mmseg')
    from hrnet_mm.seg.predictor import SegPredictor

    predictor = SegPredictor.__new__(SegPredictor)
    palette = [[0, 0, 0], [200, 0, 0]]
    predictor.inferencer = inferencer(classes=('a', 'b'), palette=palette)
    labels = torch.zeros(1, 90, 90, dtype=torch.long)
    labels[:, :, 45:] = 1
    result = SimpleNamespace(pred_sem_seg=PixelData(data=labels))
    drawn = predictor.draw(np.full((90, 90, 3), 200, np.uint8), result)
    assert drawn[5, 5].tolist() == [60, 60, 60]
    assert drawn[5, 85].tolist() == [60, 60, 200]
