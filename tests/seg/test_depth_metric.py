"""The metrics of depth are those of their definitions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmseg.evaluation import DepthMetric as StockDepthMetric

from hrnet_mm.seg import DepthMetric
from hrnet_mm.seg.depth_metric import scored_window


def expected(truth: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    """Return the metrics of the scored pixels of an image."""
    ratio = np.maximum(truth / depth, depth / truth)
    difference, logs = depth - truth, np.log(depth) - np.log(truth)
    return dict(
        d1=(ratio < 1.25).mean(),
        d2=(ratio < 1.25**2).mean(),
        d3=(ratio < 1.25**3).mean(),
        abs_rel=(np.abs(difference) / truth).mean(),
        sq_rel=(difference**2 / truth).mean(),
        rmse=(difference**2).mean() ** 0.5,
        rmse_log=(logs**2).mean() ** 0.5,
        log10=np.abs(np.log10(depth) - np.log10(truth)).mean(),
        silog=((logs**2).mean() - logs.mean() ** 2 / 2) ** 0.5,
    )


def samples(truths, depths) -> list[dict]:
    return [
        dict(
            gt_depth_map=dict(data=torch.from_numpy(truth)[None]),
            pred_depth_map=dict(data=torch.from_numpy(depth)[None]),
            img_path=f'{i}.png',
        )
        for i, (truth, depth) in enumerate(zip(truths, depths, strict=True))
    ]


def score(metric, batch: list[dict]) -> dict[str, float]:
    for one in batch:
        metric.process({}, [one])
    return metric.compute_metrics(metric.results)


def draw(number: int, *size: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0.1, 12, size=(2, number, *size)).astype(np.float32)


def test_each_metric_is_the_mean_over_images_of_the_pixels_in_range():
    truth, depth = draw(3, 30, 40)
    truth[0, :20] = 0
    found = score(
        DepthMetric(min_depth_eval=1e-3, max_depth_eval=10), samples(truth, depth)
    )
    rows = []
    for t, d in zip(truth, depth, strict=True):
        counts = (t > 1e-3) & (t < 10)
        rows.append(expected(t[counts], d[counts]))
    assert [*found] == [*DepthMetric.METRICS]
    for name, value in found.items():
        mean = np.mean([row[name] for row in rows])
        assert value == pytest.approx(mean, rel=1e-4), name
    stock = score(
        StockDepthMetric(min_depth_eval=1e-3, max_depth_eval=10), samples(truth, depth)
    )
    assert found == pytest.approx(stock, rel=1e-5)


WINDOWS = {  # first and last row and column, worked out from the papers' code
    ('nyu_crop', (480, 640)): (45, 470, 41, 600),
    ('garg_crop', (375, 1242)): (153, 370, 44, 1196),
    ('garg_crop', (370, 1226)): (151, 365, 44, 1180),
    ('eigen_crop', (375, 1242)): (124, 341, 44, 1196),
    (None, (30, 40)): (0, 29, 0, 39),
}


@pytest.mark.parametrize(('crop', 'size'), WINDOWS, ids=str)
def test_only_pixels_in_the_window_count(crop, size):
    top, bottom, left, right = WINDOWS[crop, size]
    rows, columns = scored_window(crop, size)
    assert (range(size[0])[rows][0], range(size[0])[rows][-1]) == (top, bottom)
    assert (range(size[1])[columns][0], range(size[1])[columns][-1]) == (left, right)
    truth = np.full(size, 5, np.float32)
    depth = np.full(size, 50, np.float32)  # wrong outside
    depth[top : bottom + 1, left : right + 1] = 5
    metric = DepthMetric(crop_type=crop)
    assert score(metric, samples([truth], [depth]))['abs_rel'] == 0
    depth[bottom, right] = 10
    metric = DepthMetric(crop_type=crop)
    pixels = (bottom - top + 1) * (right - left + 1)
    found = score(metric, samples([truth], [depth]))
    assert found['abs_rel'] == pytest.approx(1 / pixels, rel=1e-4)
    assert found['d1'] == pytest.approx(1 - 1 / pixels, rel=1e-6)


def test_the_crop_of_nyu_is_for_images_of_nyu():
    batch = samples(*draw(1, 375, 1242))
    with pytest.raises(ValueError, match=r'is for images of \(480, 640\).*\(375, 1242'):
        score(DepthMetric(crop_type='nyu_crop'), batch)


def test_an_image_without_depth_does_not_count_but_one_has_to(said):
    truth, depth = draw(2, 30, 40)
    alone = score(DepthMetric(), samples(truth[:1], depth[:1]))
    truth[1] = 0
    assert score(DepthMetric(), samples(truth, depth)) == alone
    assert '1 image without a depth to score do not count' in said.text
    words = r'no pixel of 2 images has a depth between .* depth_scale of the data set'
    with pytest.raises(ValueError, match=words):
        score(DepthMetric(), samples(0 * truth, depth))


def test_metrics_can_be_chosen():
    found = score(DepthMetric(['rmse', 'd1']), samples(*draw(1, 30, 40)))
    assert [*found] == ['rmse', 'd1']
    with pytest.raises(ValueError, match=r"depth_metrics=\['delta1'\].*d1, d2, d3"):
        DepthMetric(depth_metrics=['delta1'])
    with pytest.raises(ValueError, match=r"crop_type='kb' of .*: choose from"):
        DepthMetric(crop_type='kb')


def test_a_truth_of_another_size_is_explained():
    batch = samples(draw(1, 30, 40)[0], draw(1, 60, 80)[1])
    with pytest.raises(ValueError, match=r'0.png is \(30, 40\).* after Resize'):
        score(DepthMetric(), batch)


def test_a_sample_without_truth_is_explained():
    (one,) = samples(*draw(1, 30, 40))
    del one['gt_depth_map']
    with pytest.raises(ValueError, match=r'0.png has no depth map: add .*LoadDepth'):
        score(DepthMetric(), [one])


def test_predictions_are_written_and_need_no_truth(tmp_path):
    (truth, depth) = draw(1, 30, 40)
    metric = DepthMetric(
        output_dir=str(tmp_path), format_only=True, depth_scale_factor=1000
    )
    (one,) = samples(truth, depth)
    del one['gt_depth_map']
    assert score(metric, [one]) == {}
    written = cv2.imread(str(tmp_path / '0.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(written, 1000 * depth[0], atol=1)
