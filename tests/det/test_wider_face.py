"""WiderFaceMetric scores as the published evaluation of WIDER FACE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmdet')

from wider_faces import SUBSETS, Drawn

from hrnet_mm.det import WiderFaceMetric


def evaluate(folder: Path, samples: list[dict[str, Any]]) -> list[float]:
    metric = WiderFaceMetric(str(folder))
    metric.process({}, samples)
    scores = metric.evaluate(len(samples))
    return [scores[f'wider_face/{name}'] for name in SUBSETS]


def slowly(drawn: Drawn, subset: str) -> float:
    """The protocol of WIDER FACE, a detection and a threshold at a time."""
    every = [score for found in drawn.found.values() for score in found[:, 4]]
    low, high = min(every), max(every)
    points = []
    for i in range(1000):
        threshold, proposals, hits = 1 - (i + 1) / 1000, 0, 0
        for image, found in drawn.found.items():
            faces, seen = drawn.faces[image], set()
            for *box, score in found if len(faces) else ():
                if (score - low) / (high - low) < threshold:
                    continue
                ious = [iou(box, face) for face in faces]
                best = int(np.argmax(ious))
                if ious[best] >= 0.5 and best + 1 not in drawn.kept[subset][image]:
                    continue
                proposals += 1
                if ious[best] >= 0.5 and best not in seen:
                    seen.add(best)
                    hits += 1
        points.append((hits, hits / max(proposals, 1)))
    total = sum(len(kept) for kept in drawn.kept[subset].values())
    area, before = 0.0, 0
    for i, (hits, _) in enumerate(points):
        area += (hits - before) / total * max(p for _, p in points[i:])
        before = hits
    return area


def iou(one: list[float], two: np.ndarray) -> float:
    """Return the IoU of boxes x, y, width, height; the last pixel is at x + width."""
    sides = [
        max(0, min(one[i] + one[i + 2], two[i] + two[i + 2]) - max(one[i], two[i]) + 1)
        for i in (0, 1)
    ]
    areas = [(box[2] + 1) * (box[3] + 1) for box in (one, two)]
    shared = sides[0] * sides[1]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize('seed', range(5))
def test_scores_are_those_of_the_protocol(seed, tmp_path):
    drawn = Drawn(seed)
    scores = evaluate(drawn.write(tmp_path), drawn.samples())
    assert scores == pytest.approx([slowly(drawn, name) for name in SUBSETS], abs=1e-12)
    assert len(set(scores)) == 3


# of evaluation.py of wondervictor/WiderFace-Evaluation (commit 15ca0be), with its
# box_overlaps.pyx in double precision
PUBLISHED = {
    0: [0.4858798563485099, 0.653470720401901, 0.6162936572707116],
    1: [0.5138889199561522, 0.5344527254686066, 0.5782663498844065],
    7: [0.4294046730931003, 0.6069199336237616, 0.6993440252326766],
}


@pytest.mark.parametrize('seed', PUBLISHED)
def test_scores_are_those_of_the_published_evaluation(seed, tmp_path):
    drawn = Drawn(seed)
    scores = evaluate(drawn.write(tmp_path), drawn.samples())
    assert scores == pytest.approx(PUBLISHED[seed], abs=1e-12)


def test_perfect_detections_score_1(tmp_path):
    drawn = Drawn(0)
    for image, faces in drawn.faces.items():
        scores = np.linspace(0.9, 0.5, len(faces))
        drawn.found[image] = np.column_stack([faces, scores])
    assert evaluate(drawn.write(tmp_path), drawn.samples()) == [1, 1, 1]


def test_detections_of_one_score_count_at_the_last_threshold(tmp_path):
    """The published evaluation divides by zero."""
    drawn = Drawn(0)
    for found in drawn.found.values():
        found[:, 4] = 0.5
    scores = evaluate(drawn.write(tmp_path), drawn.samples())
    assert all(0 < score < 1 for score in scores)


def test_no_detections_score_0(tmp_path):
    drawn = Drawn(0)
    drawn.found = {image: np.zeros((0, 5)) for image in drawn.found}
    assert evaluate(drawn.write(tmp_path), drawn.samples()) == [0, 0, 0]


def test_the_test_sizes_are_logged_with_the_scores(tmp_path, said):
    drawn = Drawn(0)
    first, *others = drawn.samples()
    first['img_shape'] = (1100, 1650)
    evaluate(drawn.write(tmp_path), [first, *others])
    assert '15 images tested at 640 x 480 to 1650 x 1100 pixels' in said.text
    assert 'medium 0.6535' in said.text
    assert 'validation images' not in said.text


def test_a_part_of_the_images_is_scored_with_a_warning(tmp_path, said):
    drawn = Drawn(3)
    folder = drawn.write(tmp_path)
    samples = drawn.samples()[:9]
    scores = evaluate(folder, samples)
    assert '9 of 15 validation images' in said.text
    rest = list(drawn.faces)[9:]
    for image in rest:
        drawn.found.pop(image)
        for kept in drawn.kept.values():
            kept[image] = np.zeros(0, int)
    assert scores == pytest.approx([slowly(drawn, name) for name in SUBSETS])


def test_missing_files_are_named_with_their_source(tmp_path):
    Drawn(0).write(tmp_path)
    (tmp_path / 'wider_hard_val.mat').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'no wider_hard_val\.mat in .*eval_too'
    ):
        WiderFaceMetric(str(tmp_path))


def test_an_image_of_another_set_is_named(tmp_path):
    metric = WiderFaceMetric(str(Drawn(0).write(tmp_path)))
    sample = dict(Drawn(0).samples()[0], img_path='WIDER_train/images/9--Car/a.jpg')
    with pytest.raises(ValueError, match=r'9--Car/a\.jpg is not in the ground truth'):
        metric.process({}, [sample])
