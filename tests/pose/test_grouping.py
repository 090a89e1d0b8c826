"""Grouping recovers synthetic instances, with the results of the official code."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip('mmpose')

from munkres import Munkres

from hrnet_mm.pose.codecs import AssociativeEmbedding, draw_gaussians

SIZE = 96, 64  # width, height
K = 17
ORDER = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


def codec(**kwargs) -> AssociativeEmbedding:
    return AssociativeEmbedding(SIZE, [SIZE], sigma=1, keypoint_order=ORDER, **kwargs)


def plant(people: np.ndarray, tags: np.ndarray, lacking: np.ndarray | None = None):
    """Return perfect heatmaps and tags of keypoints, (N, K, 2)."""
    there = np.ones(people.shape[:2], bool) if lacking is None else ~lacking
    heat = draw_gaussians(people, there, SIZE, 1)
    maps = np.zeros((tags.shape[1], K, *SIZE[::-1]), np.float32)
    for person, tag in zip(people, tags, strict=True):
        for joint, (x, y) in enumerate(person):
            maps[:, joint, y - 2 : y + 3, x - 2 : x + 3] = tag[:, None, None]
    return torch.from_numpy(heat)[None], torch.from_numpy(maps)[None]


def sample(rng: np.random.Generator, count: int, apart: int = 6) -> np.ndarray:
    """Joints on a grid, no two of a kind in one place; all kinds may overlap."""
    columns, rows = SIZE[0] // apart, SIZE[1] // apart
    cells = np.stack(
        [rng.permutation(columns * rows)[:count] for _ in range(K)], axis=1
    )
    return np.stack([cells % columns, cells // columns], axis=-1) * apart + apart // 2


@pytest.mark.parametrize('views', [1, 2])
@pytest.mark.parametrize('count', [1, 2, 5, 17, 30])
def test_synthetic_instances_are_recovered(count, views):
    rng = np.random.default_rng(count)
    people = sample(rng, count)
    tags = 3 * rng.permutation(count)[:, None] + np.zeros(views)
    joints, heat, scores = (x[0] for x in codec().batch_decode(*plant(people, tags)))
    assert len(joints) == count
    np.testing.assert_allclose(heat, 1)
    np.testing.assert_allclose(scores, 1)
    # to a quarter of a pixel around the middle
    assert np.abs(joints - 0.5 - np.rint(joints - 0.5)).max() <= 0.25
    found = {tuple(np.floor(j).astype(int).ravel()) for j in joints}
    assert found == {tuple(p.ravel()) for p in people}


def test_empty_heatmaps_give_no_instances():
    found = codec().batch_decode(torch.zeros(2, K, 8, 8), torch.zeros(2, 1, K, 8, 8))
    for joints, heat, scores in zip(*found, strict=True):
        assert (joints.shape, heat.shape, scores.shape) == ((0, K, 2), (0, K), (0,))


@pytest.mark.parametrize('spread', [0.0, 0.3, 100.0])
def test_noise_gives_at_most_max_people(spread):
    generator = torch.Generator().manual_seed(0)
    heat = torch.rand(1, K, 40, 50, generator=generator)
    tags = spread * torch.randn(1, 2, K, 40, 50, generator=generator)
    joints, heat, scores = (x[0] for x in codec().batch_decode(heat, tags))
    assert 0 < len(joints) <= 30
    assert np.isfinite(joints).all()
    assert (np.diff(scores) <= 0).all()


def test_the_best_instances_of_a_crowd_are_kept():
    rng = np.random.default_rng(0)
    people = sample(rng, 150, apart=6)
    heat, tags = plant(people, 3.0 * np.arange(150)[:, None])
    joints, _, scores = (x[0] for x in codec().batch_decode(heat, tags))
    assert len(joints) == len(scores) == 30


def test_missing_keypoints_are_found_in_the_whole_heatmap():
    rng = np.random.default_rng(1)
    people = sample(rng, 4)
    heat, tags = plant(people, 3.0 * np.arange(4)[:, None])
    # too faint to be a candidate, and fainter than anything of another person's
    heat[0, 9] = torch.where(heat[0, 9] > 0, 0.01 * heat[0, 9], 0)
    joints, scores, _ = (x[0] for x in codec().batch_decode(heat, tags))
    found = {tuple(np.floor(j).astype(int)) for j in joints[:, 9]}
    assert found == {tuple(p) for p in people[:, 9]}
    np.testing.assert_allclose(scores[:, 9], 0.01)
    joints, scores, _ = (x[0] for x in codec(refine=False).batch_decode(heat, tags))
    assert not scores[:, 9].any()


def test_rounding_does_not_choose_among_equal_costs():
    """Two tags of length 1 above two others are as near to them in either order."""
    rng = np.random.default_rng(0)
    people = sample(rng, 14)
    heat, tags = plant(people, rng.normal(0, 1, size=(14, 1)))
    tags = tags + 0.3 * torch.from_numpy(rng.normal(size=tags.shape)).float()
    # candidates with an order of their own, whatever the noise
    heat = heat * torch.from_numpy(rng.uniform(0.3, 1, heat.shape)).float()
    wanted, *_ = codec().batch_decode(heat, tags)
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, 1e-7, size=tags.shape)
        found, *_ = codec().batch_decode(heat, tags + torch.from_numpy(noise).float())
        np.testing.assert_array_equal(found[0], wanted[0])


@pytest.mark.parametrize('spread', [30, 1.5])
@pytest.mark.parametrize('count', [3, 8, 14])
def test_instances_equal_those_of_the_official_code(count, spread):
    """With missing keypoints and overlapping tags."""
    rng = np.random.default_rng(3)
    people = sample(rng, count)
    tags = rng.normal(0, spread, size=(count, 2))
    heat, maps = plant(people, tags, rng.random((count, K)) < 0.2)
    # of each pixel, so that there are several peaks at a joint; or of a map
    uneven = rng.uniform(0.3, 1, (1, K, 1, 1) if spread > 3 else heat.shape)
    heat = heat * torch.from_numpy(uneven).float()
    maps = maps + 0.1 * torch.from_numpy(rng.normal(size=maps.shape)).float()
    got = codec().batch_decode(heat, maps)
    # it leaves to chance who gets whom among equally near ones
    wanted, scores = by_hand(
        heat[0].numpy(), maps[0].numpy(), 0 if spread > 3 else 1e-8
    )
    assert len(wanted) >= count
    order = np.argsort(scores, kind='stable')[::-1]
    np.testing.assert_allclose(got[2][0], scores[order], atol=1e-6)
    np.testing.assert_allclose(got[0][0], wanted[order][..., :2], atol=1e-6)
    np.testing.assert_allclose(got[1][0], wanted[order][..., 2], atol=1e-6)


def by_hand(  # noqa: C901
    heat: np.ndarray, tags: np.ndarray, tie: float
) -> tuple[np.ndarray, np.ndarray]:
    """lib/core/group.py of HigherHRNet: top_k, match, adjust, refine."""
    height, width = heat.shape[1:]
    people: dict[float, np.ndarray] = {}
    seen: dict[float, list] = {}
    for k in ORDER:
        peaks = []
        for y in range(height):
            for x in range(width):
                near = heat[k, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
                if heat[k, y, x] == near.max() and heat[k, y, x] > 0.1:
                    peaks.append((heat[k, y, x], x, y))
        rows = [
            (x, y, v, tags[:, k, y, x]) for v, x, y in sorted(peaks, reverse=True)[:30]
        ]
        if not rows:
            continue
        keys = [*people][:30]
        pairs = [(i, None) for i in range(len(rows))]
        if keys:
            means = [np.mean(seen[key], axis=0) for key in keys]
            far = np.array([[np.linalg.norm(r[3] - m) for m in means] for r in rows])
            far = far.astype(np.float64)
            cost = np.round(far) * 100 - np.array([[r[2]] for r in rows])
            cost += tie * far**2
            if len(rows) > len(keys):
                pad = np.full((len(rows), len(rows) - len(keys)), 1e4)
                cost = np.concatenate([cost, pad], axis=1)
            pairs = [
                (i, keys[j] if j < len(keys) and far[i, j] < 1 else None)
                for i, j in Munkres().compute(cost.tolist())
            ]
        for i, key in pairs:
            x, y, v, tag = rows[i]
            if key is None:
                key = tag[0]
                people[key] = np.zeros((K, 3))
                seen[key] = []
            people[key][k] = x, y, v
            seen[key].append(tag)

    def moved(k: int, x: int, y: int) -> tuple[float, float]:
        right, left = heat[k, y, min(x + 1, width - 1)], heat[k, y, max(x - 1, 0)]
        below, above = heat[k, min(y + 1, height - 1), x], heat[k, max(y - 1, 0), x]
        sideways = 0.25 if right > left else -0.25
        return x + 0.5 + sideways, y + 0.5 + (0.25 if below > above else -0.25)

    scores = np.array([p[:, 2].mean() for p in people.values()])
    for key, person in people.items():
        mean = np.mean(seen[key], axis=0)
        for k in range(K):
            x, y, v = person[k]
            if v == 0:
                apart = np.linalg.norm(tags[:, k] - mean[:, None, None], axis=0)
                y, x = np.unravel_index(
                    (heat[k] - np.round(apart)).argmax(), apart.shape
                )
                v = heat[k, y, x]
                if v <= 0:
                    continue
            person[k] = *moved(k, int(x), int(y)), v
    return np.array([*people.values()]), scores
