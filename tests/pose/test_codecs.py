"""The codec encodes heatmaps and keypoint indices as the official code does."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('mmpose')

from hrnet_mm.pose import AssociativeEmbedding

SIZES = [(16, 12), (32, 24)]


def by_hand(people: np.ndarray, visible: np.ndarray, size, sigma: float) -> np.ndarray:
    """lib/dataset/target_generators of HigherHRNet, pixel by pixel."""
    width, height = size
    maps = np.zeros((people.shape[1], height, width))
    for person, seen in zip(people, visible, strict=True):
        for k, (x, y) in enumerate(person * [width / 64, height / 48]):
            x, y = int(x), int(y)
            if not seen[k] or not (0 <= x < width and 0 <= y < height):
                continue
            reach = 3 * sigma + 1
            for v in range(height):
                for u in range(width):
                    if abs(u - x) <= reach and abs(v - y) <= reach:
                        value = np.exp(-((u - x) ** 2 + (v - y) ** 2) / 2 / sigma**2)
                        maps[k, v, u] = max(maps[k, v, u], value)
    return maps


@pytest.mark.parametrize('count', [0, 1, 6])
@pytest.mark.parametrize('sigma', [1, (1, 2)])
def test_heatmaps_and_indices_equal_the_official_ones(count, sigma):
    rng = np.random.default_rng(count)
    people = rng.uniform(-8, 72, size=(count, 5, 2)).astype(np.float32)
    visible = (rng.random((count, 5)) > 0.3).astype(np.float32)
    codec = AssociativeEmbedding((64, 48), SIZES, sigma)
    encoded = codec.encode(people, visible)
    sigmas = (sigma, sigma) if sigma == 1 else sigma
    for maps, size, s in zip(encoded['heatmaps'], SIZES, sigmas, strict=True):
        wanted = by_hand(people, visible, size, s)
        np.testing.assert_allclose(maps, wanted, atol=1e-6)
        assert maps.dtype == np.float32
    indices = encoded['keypoint_indices']
    assert indices.shape == (count, 5, 2)
    for person, seen, rows in zip(people, visible, indices, strict=True):
        for (x, y), there, (where, labelled) in zip(person, seen, rows, strict=True):
            u, v = int(x / 4), int(y / 4)
            inside = bool(there) and 0 <= u < 16 and 0 <= v < 12
            assert labelled == inside
            assert where == (v * 16 + u if inside else 0)


def test_invalid_arguments_are_rejected():
    with pytest.raises(ValueError, match='one sigma for each size'):
        AssociativeEmbedding((64, 48), SIZES, (1, 2, 3))
    with pytest.raises(ValueError, match='each number from 0 to 2 once'):
        AssociativeEmbedding((64, 48), SIZES, keypoint_order=[0, 2, 2])
    with pytest.raises(NotImplementedError, match='batch_decode'):
        AssociativeEmbedding((64, 48), SIZES).decode(None)
