"""Our transforms return what those of MMSegmentation return."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmseg.datasets import transforms as stock

from hrnet_mm.seg import transforms as ours


def sample(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    labels = np.where(rng.random((40, 60)) < 0.8, 0, rng.integers(0, 4, (40, 60)))
    labels[:10] = 255
    return dict(
        img=image, gt_seg_map=labels.astype(np.uint8), seg_fields=['gt_seg_map']
    )


@pytest.mark.parametrize('seed', range(16))
def test_samples_are_mmseg_s(seed):
    packed = []
    for module in (ours, stock):
        np.random.seed(seed)
        result = sample(seed)
        for step in (
            module.RandomCrop(crop_size=(20, 30), cat_max_ratio=0.75),
            stock.RandomFlip(prob=0.5),
            module.PhotoMetricDistortion(),
            module.PackSegInputs(),
        ):
            result = step(result)
        packed.append((result, np.random.rand()))
    (mine, drawn), (theirs, same) = packed
    assert torch.equal(mine['inputs'], theirs['inputs'])
    assert drawn == same
    mine, theirs = mine['data_samples'], theirs['data_samples']
    assert mine.metainfo == theirs.metainfo
    assert torch.equal(mine.gt_sem_seg.data, theirs.gt_sem_seg.data)


@pytest.mark.parametrize('dtype', [np.int32, np.int64])
def test_label_maps_of_other_dtypes_are_cropped(dtype):
    labels = np.random.randint(0, 4, (40, 60)).astype(dtype)
    image = np.zeros((40, 60, 3), np.uint8)
    found = ours.RandomCrop((20, 20), cat_max_ratio=0.9)(
        dict(img=image, gt_seg_map=labels, seg_fields=['gt_seg_map'])
    )
    assert found['gt_seg_map'].shape == (20, 20)


def test_a_crop_that_would_leave_boxes_is_refused():
    results = dict(img=np.zeros((4, 4, 3), np.uint8), gt_bboxes=np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r'use mmdet.RandomCrop'):
        ours.RandomCrop((2, 2))(results)


def test_colours_of_16_bits_are_changed_as_before():
    image = np.full((4, 4, 3), 1000, np.float32)
    assert ours.PhotoMetricDistortion()(dict(img=image))['img'].shape == image.shape
