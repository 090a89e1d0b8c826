"""Our transforms return what those of MMPretrain return."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmpretrain')

from mmpretrain.datasets import transforms as stock

from hrnet_mm.cls.transforms import PackInputs, RandomResizedCrop


@pytest.mark.parametrize('seed', range(8))
def test_crops_are_mmpretrain_s_to_one_level(seed):
    image = np.random.default_rng(seed).integers(0, 256, (60, 90, 3), np.uint8)
    crops = []
    for kind in (RandomResizedCrop, stock.RandomResizedCrop):
        np.random.seed(seed)
        crop = kind(scale=32, backend='pillow')(dict(img=image))
        crops.append((crop['img'].astype(int), crop['img_shape'], np.random.rand()))
    (mine, *drawn), (theirs, *same) = crops
    assert abs(mine - theirs).max() <= 1
    assert drawn == same


@pytest.mark.parametrize('shape', [(9, 7, 3), (9, 7, 1), (9, 7)])
def test_inputs_are_mmpretrain_s(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)[:, ::-1]
    mine, theirs = (
        pack()(dict(img=image, gt_label=1))['inputs']
        for pack in (PackInputs, stock.PackInputs)
    )
    assert torch.equal(mine, theirs)
