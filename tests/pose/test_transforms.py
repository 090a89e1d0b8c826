"""Crowds do not count."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('mmpose')

from pycocotools import mask as coco_mask

from hrnet_mm.pose import CrowdMask

POLYGON = [[8, 4, 16, 4, 16, 8, 8, 8]]


def masks(*segs, flip: bool = False) -> list[np.ndarray]:
    results = dict(
        invalid_segs=[*segs],
        img_shape=(16, 32),
        input_size=(32, 16),
        heatmaps=[np.zeros((5, 8, 16)), np.zeros((5, 16, 32))],
        flip=flip,
        flip_direction='horizontal',
    )
    return CrowdMask()(results)['heatmap_mask']


def test_people_without_joints_and_crowds_are_left_out():
    crowd = np.zeros((16, 32), np.uint8, order='F')
    crowd[0:4, 24:32] = 1
    compressed = coco_mask.encode(crowd)
    runs = dict(size=[16, 32], counts=[16 * 24, *[4, 12] * 8])
    for seg in (compressed, runs):
        small, large = masks(POLYGON, seg, None)
        wanted = np.ones((16, 32), bool)
        wanted[4:8, 8:16] = wanted[0:4, 24:32] = False
        assert (large[0] == wanted).all()
        assert small.shape == (1, 8, 16)
        assert (small[0] == wanted[::2, ::2]).all()
        flipped = masks(POLYGON, seg, flip=True)[1]
        assert (flipped[0] == wanted[:, ::-1]).all()
    assert all(mask.all() for mask in masks())
