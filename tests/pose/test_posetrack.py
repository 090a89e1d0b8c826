"""Scores of PoseTrack18 equal those of a direct computation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmpose')

from mmpose.utils import register_all_modules

from hrnet_mm.pose import PoseTrack18, PoseTrack18Metric

META = PoseTrack18._load_metainfo()
NAMES = META['keypoint_name2id']
COUNTED = [i for name, i in NAMES.items() if not name.endswith('ear')]


def draw(seed: int = 0) -> tuple[dict, list]:
    """Frames of people, some ignored, with what a model may find of them."""
    rng = np.random.default_rng(seed)
    images, people, found = [], [], []
    for image in range(1, 31):
        square = [[100, 300, 300, 100], [100, 100, 300, 300]]
        images.append(
            dict(
                id=image, file_name=f'{image}.jpg', width=640, height=480,
                ignore_regions_x=[square[0]] if image % 2 else [],
                ignore_regions_y=[square[1]] if image % 2 else [],
            )
        )  # fmt: skip
        for _ in range(rng.integers(0, 5)):
            box = np.append(rng.uniform(0, 300, 2), rng.uniform(50, 200, 2))
            points = rng.uniform(box[:2], box[:2] + box[2:], (17, 2))
            labels = rng.random((17, 1)) > 0.2
            head = [*rng.uniform(0, 300, 2), *rng.uniform(10, 60, 2)]
            people.append(
                dict(
                    id=len(people) + 1, image_id=image, category_id=1, iscrowd=0,
                    keypoints=np.hstack([points * labels, labels]).ravel().tolist(),
                    bbox=box.tolist(), bbox_head=head,
                )
            )  # fmt: skip
            for _ in range(rng.choice([0, 1, 1, 2])):
                noise = rng.normal(0, rng.choice([3, 15, 40]), (17, 2))
                found.append((image, points + noise, rng.random(17)))
        for _ in range(rng.integers(0, 2)):
            found.append((image, rng.uniform(0, 400, (17, 2)), rng.random(17)))
    category = dict(id=1, name='person')
    return dict(images=images, annotations=people, categories=[category]), found


def evaluate(folder: Path, truth: dict, found: list) -> dict:
    (folder / 'truth.json').write_text(json.dumps(truth))
    metric = PoseTrack18Metric(
        str(folder / 'truth.json'), score_mode='bbox', nms_mode='none'
    )
    metric.dataset_meta = META
    samples = [
        dict(
            id=number, img_id=image, category_id=1,
            pred_instances=dict(keypoints=points[None], keypoint_scores=scores[None]),
            gt_instances=dict(bbox_scores=[1.0]),
        )
        for number, (image, points, scores) in enumerate(found)
    ]  # fmt: skip
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def ignored(image: dict, point: np.ndarray) -> bool:
    return bool(image['ignore_regions_x']) and bool(
        ((point > 100) & (point < 300)).all()
    )


def labelled_points(image: dict, person: dict) -> dict[int, np.ndarray]:
    points = np.reshape(person['keypoints'], (17, 3))
    return {
        j: points[j, :2]
        for j in COUNTED
        if points[j, 2] and not ignored(image, points[j, :2])
    }


def right_points(image: dict, points: np.ndarray, person: dict) -> set[int]:
    near = np.hypot(*person['bbox_head'][2:]) * 0.6 / 2
    return {
        j
        for j, point in labelled_points(image, person).items()
        if np.linalg.norm(points[j] - point) <= near and not ignored(image, points[j])
    }


def match(image: dict, true: list, found: list) -> dict[int, set[int]]:
    """The keypoints that are right, of each prediction that has a true person."""
    best: dict[int, tuple[float, int]] = {}
    for number, (points, _) in enumerate(found):
        shares = [
            len(right_points(image, points, person))
            / max(len(labelled_points(image, person)), 1)
            for person in true
        ]
        person = int(np.argmax(shares))
        if shares[person] > best.get(person, (0, 0))[0]:
            best[person] = (shares[person], number)
    return {
        number: right_points(image, found[number][0], true[person])
        for person, (_, number) in best.items()
    }


def precision_of(rows: list, total: int) -> float:
    hits = [hit for _, hit in sorted(rows, reverse=True)]
    curve = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    return 100 * sum(max(curve[n:]) for n in range(len(hits)) if hits[n]) / total


def slow_scores(truth: dict, found: list) -> dict[int, float]:
    """Average precision of each keypoint, one pair of people after the other."""
    rows: dict[int, list] = {joint: [] for joint in COUNTED}
    total = dict.fromkeys(COUNTED, 0)
    for image in truth['images']:
        true = [p for p in truth['annotations'] if p['image_id'] == image['id']]
        here = [it[1:] for it in found if it[0] == image['id']] if true else []
        right = match(image, true, here)
        for number, (points, scores) in enumerate(here):
            for j in COUNTED:
                if not ignored(image, points[j]):
                    rows[j].append((scores[j], j in right.get(number, ())))
        for person in true:
            for j in labelled_points(image, person):
                total[j] += 1
    return {j: precision_of(rows[j], total[j]) for j in COUNTED}


@pytest.mark.parametrize('seed', range(3))
def test_scores_equal_those_of_a_direct_computation(seed, tmp_path):
    truth, found = draw(seed)
    expected = slow_scores(truth, found)
    scores = evaluate(tmp_path, truth, found)
    wrists = np.mean([expected[NAMES[f'{side}_wrist']] for side in ('left', 'right')])
    head = np.mean([expected[NAMES[n]] for n in ('nose', 'head_bottom', 'head_top')])
    assert scores['posetrack18/Wri AP'] == pytest.approx(wrists)
    assert scores['posetrack18/Head AP'] == pytest.approx(head)
    assert scores['posetrack18/AP'] == pytest.approx(np.mean([*expected.values()]))
    assert 5 < scores['posetrack18/AP'] < 95


def test_true_people_score_100_and_nobody_0(real_data, tmp_path):
    register_all_modules()
    place = dict(
        data_root=str(real_data / 'posetrack18'), data_prefix=dict(img=''),
        ann_file='annotations/test_posetrack18_val.json',
    )  # fmt: skip
    people = PoseTrack18(**place, pipeline=[], test_mode=True)
    samples = [people.get_data_info(i) for i in range(len(people))]
    truth = json.loads(Path(people.given_file).read_text())
    found = [
        (it['img_id'], it['keypoints'][0], it['keypoints_visible'][0]) for it in samples
    ]
    scores = evaluate(tmp_path, truth, found)
    assert scores == {name: pytest.approx(100) for name in scores}
    elsewhere = [(image, points + 5000, scores) for image, points, scores in found]
    assert evaluate(tmp_path, truth, elsewhere)['posetrack18/AP'] == 0


def test_a_person_without_a_head_is_named(tmp_path):
    truth, found = draw()
    del truth['annotations'][0]['bbox_head']
    with pytest.raises(ValueError, match=r'annotation 1 .* no bbox_head'):
        evaluate(tmp_path, truth, found)
