"""Data preprocessors make the same batch of views as of the stock transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.model import ImgDataPreprocessor

from hrnet_mm.images import channels_first


@pytest.mark.parametrize('sizes', [[(64, 32)], [(64, 32)] * 2, [(60, 32), (50, 20)]])
def test_batches_are_equal_and_contiguous(sizes):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    views = [channels_first(image) for image in images]
    preprocess = ImgDataPreprocessor(
        mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=True, pad_size_divisor=32
    )
    batch = preprocess(dict(inputs=views))['inputs']
    copies = [view.contiguous() for view in views]
    assert torch.equal(batch, preprocess(dict(inputs=copies))['inputs'])
    assert batch.is_contiguous()
