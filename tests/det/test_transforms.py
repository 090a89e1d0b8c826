"""Our transforms return what those of MMDetection return."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')

from mmdet.datasets import transforms as stock
from mmdet.structures.mask import BitmapMasks

from hrnet_mm.det.transforms import Bitmaps, LoadObjects, PackDetInputs


def objects(ignored: int) -> dict:
    image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
    triangle = [[5.0, 3.0, 30.0, 8.0, 12.0, 29.0]]
    square = [[20.0, 10.0, 45.0, 10.0, 45.0, 33.0, 20.0, 33.0]]
    instances = [
        dict(bbox=[5, 3, 30, 29], bbox_label=1, mask=triangle, ignore_flag=0),
        dict(bbox=[20, 10, 45, 33], bbox_label=0, mask=square, ignore_flag=ignored),
    ]
    return dict(img=image, ori_shape=(37, 50), img_shape=(37, 50), instances=instances)


@pytest.mark.parametrize('ignored', [0, 1])
@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
@pytest.mark.parametrize('keep_ratio', [True, False])
def test_samples_are_mmdet_s(ignored, direction, keep_ratio):
    packed = []
    for load, pack in (
        (LoadObjects, PackDetInputs),
        (stock.LoadAnnotations, stock.PackDetInputs),
    ):
        sample = objects(ignored)
        for step in (
            load(with_bbox=True, with_mask=True),
            stock.Resize(scale=(90, 70), keep_ratio=keep_ratio),
            stock.RandomFlip(prob=1.0, direction=direction),
            pack(),
        ):
            sample = step(sample)
        packed.append(sample)
    mine, theirs = packed
    assert torch.equal(mine['inputs'], theirs['inputs'])
    mine, theirs = (sample['data_samples'] for sample in packed)
    assert mine.metainfo == theirs.metainfo
    for name in ('gt_instances', 'ignored_instances'):
        a, b = getattr(mine, name), getattr(theirs, name)
        assert torch.equal(a.bboxes.tensor, b.bboxes.tensor)
        assert torch.equal(a.labels, b.labels)
        assert np.array_equal(a.masks.masks, b.masks.masks)
        assert (a.masks.height, a.masks.width) == (b.masks.height, b.masks.width)


@pytest.mark.parametrize('kept', [[False, True], [True, False], [1], [1, 0]])
def test_masks_are_chosen_like_boxes(kept):
    """`FilterAnnotations` of MMDetection has one truth value for each object."""
    masks = np.arange(2, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(5, 2)
    index = np.array(kept)
    found = Bitmaps(masks, 4, 5)[index].masks
    assert np.array_equal(found, BitmapMasks(masks, 4, 5)[index].masks)


@pytest.mark.parametrize('largest', [0, 1, 255])
@pytest.mark.parametrize('number', [0, 3])
def test_masks_arrive_as_they_were_sent(number, largest):
    values = np.random.default_rng(0).integers(0, largest + 1, (number, 37, 50))
    masks = Bitmaps(values.astype(np.uint8), 37, 50)
    sent = pickle.dumps(masks)
    found = pickle.loads(sent)
    assert type(found) is Bitmaps
    assert (found.height, found.width, found.masks.dtype) == (37, 50, np.uint8)
    assert np.array_equal(found.masks, values)
    if number and largest == 1:
        assert len(sent) < masks.masks.nbytes / 4
