"""Keypoint scores equal those of xtcocotools 1.14.3, which may be installed or not."""

from __future__ import annotations

import copy
import json

import numpy as np
import pycocotools.coco
import pycocotools.cocoeval
import pytest
import xtcocotools
from xtcocotools import mask
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

stand_in_only = pytest.mark.skipif(
    'standins' not in xtcocotools.__file__, reason='xtcocotools is installed'
)
CROWD_SIGMAS = np.array([
    0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
    0.079, 0.079,
])  # fmt: skip
WHOLE_SIGMAS = np.linspace(0.02, 0.1, 133)
WHOLE = dict(
    keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21
)


def draw(seed=0, parts=dict(keypoints=17), category=1, images=60):
    """Draw people of all sizes, and what a detector may find of them."""
    rng = np.random.default_rng(seed)
    people, found = [], []
    ids = (1000 + rng.permutation(10 * images)[:images]).tolist()
    for place, image in enumerate(ids):
        here = dict(image_id=image, category_id=category)
        for _ in range(rng.integers(0, 7) if place % 9 else 0):
            person = draw_person(rng, parts)
            people.append(dict(person, id=len(people), **here))
            for _ in range(rng.choice([0, 1, 1, 1, 2])):  # missed, found or found twice
                found.append(dict(draw_result(rng, person, parts), **here))
        for _ in range(25 if place == 5 else rng.integers(0, 2)):  # false positives
            result = draw_result(rng, draw_person(rng, parts), parts)
            found.append(dict(result, score=result['score'] / 2, **here))
    pictures = [
        dict(id=i, width=640, height=480, crowdIndex=round(rng.random(), 2))
        for i in ids
    ]
    categories = [dict(id=category, name='person')]
    return dict(images=pictures, annotations=people, categories=categories), found


def draw_person(rng, parts):
    width, height = np.exp(rng.uniform(3, 6, 2))
    left, top = rng.uniform(0, 300, 2)
    crowd = rng.random() < 0.07
    person = dict(
        bbox=[left, top, width, height],
        area=0.0 if rng.random() < 0.04 else width * height * rng.uniform(0.3, 0.8),
        iscrowd=int(crowd),
    )
    visible = 0
    for name, joints in parts.items():
        points = rng.uniform([left, top], [left + width, top + height], (joints, 2))
        labels = rng.choice([0, 1, 2], joints) * int(rng.random() > 0.15 and not crowd)
        points *= labels[:, None] > 0
        person[name] = np.column_stack([points, labels]).ravel().tolist()
        visible += int((labels == 2).sum())
    # counts visible joints, as CrowdPose does; 0 for some with labelled joints
    return dict(person, num_keypoints=visible * int(rng.random() > 0.1))


def draw_result(rng, person, parts):
    noise = rng.choice([0.01, 0.03, 0.12])
    size = np.sqrt(person['bbox'][2] * person['bbox'][3])
    score = np.clip(rng.normal(0.9 - 5 * noise, 0.2), 0, 1)
    result = dict(score=round(float(score), 1))  # with many ties
    blank = rng.random() < 0.05
    for name, joints in parts.items():
        points = np.reshape(person[name], (joints, 3)).copy()
        points[:, :2] += rng.normal(0, size * noise, (joints, 2))
        points[:, 2] = 0 if blank else rng.random(joints)
        result[name] = points.ravel().tolist()
    return result


def scored(folder, truth, found, *arguments, library=None, **params):
    """Score as MMPose's metrics do, from files."""
    reader, scorer = library or (COCO, COCOeval)
    (folder / 'truth.json').write_text(json.dumps(truth))
    (folder / 'found.json').write_text(json.dumps(found))
    annotations = reader(str(folder / 'truth.json'))
    results = annotations.loadRes(str(folder / 'found.json'))
    evaluation = scorer(annotations, results, *arguments)
    evaluation.params.useSegm = None
    for name, value in params.items():
        setattr(evaluation.params, name, value)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def joints_of_crowds():
    return draw(10, dict(keypoints=14))


def one_joint():
    return draw(3, dict(keypoints=1))


def whole():
    return draw(20, WHOLE)


def crowds():
    """Annotations of CrowdPose have no areas."""
    truth, found = joints_of_crowds()
    for person in truth['annotations']:
        del person['area']
    return truth, found


def two_categories():
    """People and others, under ids that do not start at 1."""
    truth, found = draw(2, category=3)
    for person in truth['annotations'][::3]:
        person['category_id'] = 17
    for result in found[::4]:
        result['category_id'] = 17
    truth['categories'].append(dict(id=17, name='other'))
    return truth, found


def scores_of_faces():
    """Two in three results have a score of their own for the face."""
    truth, found = whole()
    rng = np.random.default_rng(0)
    for i, result in enumerate(found):
        if i % 3:
            result['face_score'] = rng.random()
    return truth, found


def part(name, start=0, stop=133, use_area=True):
    return f'keypoints_{name}', WHOLE_SIGMAS[start:stop], use_area


# data, arguments of COCOeval, stats of xtcocotools 1.14.3 on numpy 2.4
CASES = {
    'coco': (draw, ('keypoints',), [
        0.32156869, 0.37808345, 0.34712706, 0.49708484, 0.31614215, 0.45447154,
        0.52845528, 0.47967480, 0.49843750, 0.42903226,
    ]),
    'coco, area of boxes': (draw, ('keypoints', None, False), [
        0.34668878, 0.40463050, 0.38753077, 0.51504925, 0.36154095, 0.47560976,
        0.54471545, 0.51219512, 0.51451613, 0.44000000,
    ]),
    '14 joints': (joints_of_crowds, ('keypoints', CROWD_SIGMAS), [
        0.47639149, 0.56236165, 0.49278147, 0.61365941, 0.41103696, 0.59652174,
        0.70434783, 0.60000000, 0.61692308, 0.56785714,
    ]),
    'one joint': (one_joint, ('keypoints', np.array([0.05])), [
        0.36979779, 0.39901765, 0.38848064, 0.50891089, 0.76633663, 0.53529412,
        0.57352941, 0.55882353, 0.50681818, 0.76666667,
    ]),
    'two categories': (two_categories, ('keypoints',), [
        0.08984628, 0.11642447, 0.09801929, 0.22562783, 0.05130729, 0.20833333,
        0.25630252, 0.22286415, 0.22575758, 0.18500000,
    ]),
    'crowdpose': (crowds, ('keypoints_crowd', CROWD_SIGMAS, False), [
        0.50637937, 0.60156284, 0.52187273, 0.64190476, 0.76190476, 0.64761905,
        0.53850000, 0.53810000, 0.46280000,
    ]),
    'whole body': (whole, part('wholebody'), [
        0.35796783, 0.42504340, 0.41802242, 0.44544528, 0.39402532, 0.46377953,
        0.52755906, 0.52755906, 0.45064935, 0.54166667,
    ]),
    'whole body, area of boxes': (whole, part('wholebody', use_area=False), [
        0.39748723, 0.48328432, 0.46314257, 0.46311663, 0.39222229, 0.47874016,
        0.55118110, 0.54330709, 0.46710526, 0.52307692,
    ]),
    'body': (whole, part('body', 0, 17), [
        0.19761688, 0.34407416, 0.17067177, 0.27432639, 0.27619990, 0.31376147,
        0.47706422, 0.28440367, 0.27761194, 0.44687500,
    ]),
    'foot': (whole, part('foot', 17, 23), [
        0.29439866, 0.39788756, 0.27519863, 0.37297993, 0.29588666, 0.40377358,
        0.52830189, 0.38679245, 0.37460317, 0.47419355,
    ]),
    'face': (whole, part('face', 23, 91), [
        0.34191475, 0.40747307, 0.39204283, 0.46613924, 0.39387541, 0.50202020,
        0.56565657, 0.56565657, 0.48448276, 0.59666667,
    ]),
    'left hand': (whole, part('lefthand', 91, 112), [
        0.39137939, 0.46845755, 0.39298192, 0.51804443, 0.45433216, 0.53539823,
        0.65486726, 0.53097345, 0.53478261, 0.60303030,
    ]),
    'right hand': (whole, part('righthand', 112), [
        0.35698245, 0.45310224, 0.33330996, 0.54102568, 0.33795471, 0.56153846,
        0.71153846, 0.51923077, 0.55937500, 0.62666667,
    ]),
    'scores of faces': (scores_of_faces, part('face', 23, 91), [
        0.28381342, 0.34721491, 0.32067352, 0.45977977, 0.30705781, 0.50202020,
        0.56565657, 0.56565657, 0.48448276, 0.59666667,
    ]),
}  # fmt: skip


@pytest.mark.parametrize('name', CASES)
def test_scores_equal_xtcocotools(tmp_path, name):
    data, arguments, expected = CASES[name]
    stats = scored(tmp_path, *data(), *arguments).stats
    assert stats == pytest.approx(expected, abs=1e-6)


def test_params_select_images_thresholds_and_areas(tmp_path):
    truth, found = draw()
    images = sorted(picture['id'] for picture in truth['images'])
    stats = scored(
        tmp_path, truth, found, 'keypoints',
        imgIds=images[::2], iouThrs=np.array([0.3, 0.5, 0.75]),
        areaRng=[[0, 1e10], [0, 5000], [5000, 1e10]],
    ).stats  # fmt: skip
    expected = [
        0.43779120, 0.40374327, 0.38382348, 0.44884258, 0.46111657,
        0.61764706, 0.57352941, 0.54411765, 0.62500000, 0.60714286,
    ]  # fmt: skip
    assert stats == pytest.approx(expected, abs=1e-6)


def test_no_results_score_0_and_no_annotations_minus_1(tmp_path):
    truth, found = draw()
    for kind, count in (('keypoints', 10), ('keypoints_crowd', 9)):
        assert scored(tmp_path, truth, [], kind).stats.tolist() == [0] * count
    nobody = dict(truth, annotations=[])
    for results in ([], found):
        assert set(scored(tmp_path, nobody, results, 'keypoints').stats) == {-1}


def test_a_crowd_level_without_images_scores_minus_1(tmp_path):
    truth, found = crowds()
    for picture in truth['images']:
        picture['crowdIndex'] = 0.1
    stats = scored(tmp_path, truth, found, *CASES['crowdpose'][1]).stats
    assert stats[6] == pytest.approx(stats[0], abs=1e-4)  # of easy images: all of them
    assert stats[7:].tolist() == [-1, -1]


@stand_in_only
def test_summarize_twice_gives_the_same_crowd_scores(tmp_path):
    evaluation = scored(tmp_path, *crowds(), *CASES['crowdpose'][1])
    before = evaluation.stats.tolist()
    evaluation.summarize()
    assert evaluation.stats.tolist() == before


def test_image_ids_may_be_strings(tmp_path):
    truth, found = draw()
    for picture in truth['images']:
        picture['id'] = f'image {picture["id"]}'
    for item in (*truth['annotations'], *found):
        item['image_id'] = f'image {item["image_id"]}'
    stats = scored(tmp_path, truth, found, 'keypoints').stats
    assert stats == pytest.approx(CASES['coco'][2], abs=1e-6)


def test_a_missing_area_is_an_error_with_use_area(tmp_path):
    with pytest.raises(KeyError, match='area'):
        scored(tmp_path, *crowds(), 'keypoints', CROWD_SIGMAS)


@stand_in_only
def test_nan_keypoints_never_match(tmp_path):
    """In xtcocotools they match anybody: a model that diverged scores well."""
    truth, found = draw()
    wrong = [dict(result, keypoints=[np.nan, np.nan, 1.0] * 17) for result in found]
    assert not scored(tmp_path, truth, wrong, 'keypoints').stats.any()


@stand_in_only
def test_annotations_and_results_are_not_modified(tmp_path):
    truth, found = draw(20, WHOLE)
    given = copy.deepcopy(found)
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    annotations = COCO(str(tmp_path / 'truth.json'))
    results = annotations.loadRes(found)
    assert found == given
    before = copy.deepcopy([annotations.dataset, results.dataset])
    evaluation = COCOeval(annotations, results, *part('wholebody'))
    evaluation.evaluate()
    assert [annotations.dataset, results.dataset] == before


def outline(x, y, width, height):
    """Two polygons that overlap."""
    return [[x, y, x + width, y, x, y + height], [x, y, x + 5, y, x + 5, y + height]]


def test_boxes_and_masks_score_as_with_pycocotools(tmp_path):
    if 'standins' not in xtcocotools.__file__ and np.__version__ >= '2':
        pytest.skip('xtcocotools has no overlaps with numpy 2')
    truth, _ = draw()
    rng = np.random.default_rng(0)
    found = []
    for person in truth['annotations']:
        person['id'] += 1  # to pycocotools, 0 means: not matched
        person['segmentation'] = outline(*person['bbox'])
        box = np.clip(person['bbox'] + rng.normal(0, 5, 4), 1, None).tolist()
        here = dict(image_id=person['image_id'], category_id=1)
        seen = dict(bbox=box, segmentation=outline(*box), score=round(rng.random(), 1))
        found.append(dict(here, **seen))
    theirs = (pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval)
    for kind in ('bbox', 'segm'):
        expected = scored(tmp_path, truth, found, kind, library=theirs).stats
        assert scored(tmp_path, truth, found, kind).stats == pytest.approx(expected)
        assert expected[0] > 0.1


def test_load_res_adds_ids_boxes_and_areas(tmp_path):
    truth, _ = draw()
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    annotations = COCO(str(tmp_path / 'truth.json'))
    here = dict(image_id=truth['images'][0]['id'], category_id=1, score=0.5)
    points = [[1, 2, 0.1], [5, 12, 0.2], [3, 4, 0.3]]
    result = dict(here, keypoints=np.ravel(points).tolist())
    loaded = annotations.loadRes([dict(result), dict(result)])
    assert loaded.getAnnIds(imgIds=here['image_id']) == [1, 2]
    found = loaded.loadAnns([2])[0]
    assert (found['bbox'], found['area']) == ([1, 2, 4, 10], 40)
    boxed = annotations.loadRes([dict(result, bbox=[0, 0, 3, 4])]).anns[1]
    assert (boxed['bbox'], boxed['area'], boxed['iscrowd']) == ([0, 0, 3, 4], 12, 0)
    row = [[here['image_id'], 1, 2, 3, 4, 0.5, 1]]
    assert annotations.loadRes(np.array(row, float)).anns[1]['area'] == 12
    assert annotations.loadRes([]).getAnnIds() == []
    with pytest.raises(AssertionError, match='do not correspond'):
        annotations.loadRes([dict(result, image_id=-1)])


def test_iscrowd_defaults_to_false(tmp_path):
    truth, _ = draw()
    crowded = {p['id'] for p in truth['annotations'] if p['iscrowd']}
    for person in truth['annotations']:
        if not person['iscrowd']:
            del person['iscrowd']
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    annotations = COCO(str(tmp_path / 'truth.json'))
    assert set(annotations.getAnnIds(iscrowd=True)) == crowded
    assert set(annotations.getAnnIds(iscrowd=False)) == set(annotations.anns) - crowded
    assert COCO().dataset == {}


@stand_in_only
def test_mmpose_draws_masks():
    pytest.importorskip('mmpose')
    from mmpose.datasets.transforms import BottomupGetHeatmapMask

    square, runs = [[2, 2, 6, 2, 6, 6, 2, 6]], dict(size=[8, 8], counts=[0, 8, 56])
    drawn = BottomupGetHeatmapMask()._segs_to_mask([square], (8, 8))
    assert drawn.sum() == drawn[2:6, 2:6].sum() == 16
    column = mask.decode(mask.frPyObjects(runs, 8, 8))
    assert column.sum() == column[:, 0].sum() == 8


def predictions(found, parts):
    """Yield the results as a model returns them to a metric."""
    for i, result in enumerate(found):
        joints = np.concatenate([np.reshape(result[name], (-1, 3)) for name in parts])
        yield dict(
            id=i, img_id=result['image_id'], category_id=result['category_id'],
            pred_instances=dict(
                keypoints=joints[None, :, :2], keypoint_scores=joints[None, :, 2]
            ),
            gt_instances=dict(bbox_scores=[result['score']]),
        )  # fmt: skip


@pytest.mark.parametrize(
    ('metric', 'name', 'parts', 'options'),
    [
        ('CocoMetric', 'coco', ['keypoints'], {}),
        ('CocoMetric', 'coco, area of boxes', ['keypoints'], dict(use_area=False)),
        (
            'CocoMetric', 'crowdpose', ['keypoints'],
            dict(iou_type='keypoints_crowd', use_area=False),
        ),
        ('CocoWholeBodyMetric', 'whole body', WHOLE, {}),
    ],
)  # fmt: skip
def test_mmpose_metrics_report_these_scores(tmp_path, metric, name, parts, options):
    pytest.importorskip('mmpose')
    from mmpose.evaluation import metrics

    data, arguments, expected = CASES[name]
    truth, found = data()
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    scorer = getattr(metrics, metric)(
        str(tmp_path / 'truth.json'), score_mode='bbox', nms_mode='none', **options
    )
    samples = list(predictions(found, parts))
    scorer.dataset_meta = dict(
        dataset_name='drawn',
        num_keypoints=samples[0]['pred_instances']['keypoints'].shape[1],
        sigmas=arguments[1] if len(arguments) > 1 else None,
    )
    scorer.process([], samples)
    reported = list(scorer.evaluate(len(samples)).values())
    assert reported == pytest.approx(expected, abs=1e-6)


def test_parts_of_whole_bodies_are_reported(tmp_path):
    pytest.importorskip('mmpose')
    from hrnet_mm.pose import CocoWholeBodyMetric

    truth, found = whole()
    for picture in truth['images']:
        picture['file_name'] = f'{picture["id"]}.jpg'
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    scorer = CocoWholeBodyMetric(
        str(tmp_path / 'truth.json'), score_mode='bbox', nms_mode='none'
    )
    scorer.dataset_meta = dict(
        dataset_name='drawn', num_keypoints=133, sigmas=WHOLE_SIGMAS
    )
    scorer.process([], list(predictions(found, WHOLE)))
    reported = scorer.evaluate(len(found))
    expected = {name: CASES[name][2] for name in ('body', 'foot', 'face')}
    expected['hand'] = np.mean([CASES[f'{a} hand'][2] for a in ('left', 'right')], 0)
    for part, stats in expected.items():
        assert reported[f'coco-wholebody/{part} AP'] == pytest.approx(stats[0], 1e-6)
        assert reported[f'coco-wholebody/{part} AR'] == pytest.approx(stats[5], 1e-6)
    names = ('AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR')
    reported = [reported[f'coco-wholebody/{name}'] for name in names]
    assert reported == pytest.approx(CASES['whole body'][2][:6], abs=1e-6)
