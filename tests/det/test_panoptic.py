"""Panoptic quality is that of panopticapi."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')

from mmdet.datasets.transforms import Resize

from hrnet_mm.det import CocoPanopticMetric, LoadPanopticObjects
from hrnet_mm.det.panoptic import PanopticQuality

CATEGORIES = 5
THINGS = 3
NAMES = ('PQ', 'SQ', 'RQ')
# pq_average of panopticapi-lite 0.2.0 for the maps of `draw`: all, things, stuff
RECORDED = [
    [
        [21.087889, 56.402011, 30.318841],
        [25.359248, 69.535267, 37.198068],
        [14.680851, 36.702128, 20.0],
    ],
    [
        [13.52317, 46.856534, 23.380019],
        [12.520264, 41.267214, 20.448179],
        [15.02753, 55.240514, 27.777778],
    ],
    [
        [26.609367, 62.405036, 42.164502],
        [28.951728, 60.682534, 46.464646],
        [23.095827, 64.98879, 35.714286],
    ],
    [
        [24.122497, 60.726116, 39.403509],
        [30.048343, 63.576118, 47.54386],
        [15.233727, 56.451114, 27.192982],
    ],
]


def draw(rng: np.random.Generator) -> tuple[np.ndarray, dict[int, int]]:
    """Return random rectangles, 24x32, and the category of each id; 0 is void."""
    ids = np.zeros((24, 32), np.int64)
    for number in range(1, 9):
        y, x = rng.integers(0, 18), rng.integers(0, 24)
        ids[y : y + rng.integers(4, 14), x : x + rng.integers(4, 18)] = number
    present = [int(it) for it in np.unique(ids) if it]
    return ids, {it: int(rng.integers(0, CATEGORIES)) for it in present}


def spoil(
    rng: np.random.Generator, ids: np.ndarray, categories: dict[int, int]
) -> tuple[np.ndarray, dict[int, int]]:
    """Return the truth as a network finds it: moved, with errors and a new segment."""
    found = np.roll(ids, rng.integers(-2, 3, 2), (0, 1))
    found[rng.integers(0, 12) :][:6, :8] = 9
    present = [int(it) for it in np.unique(found) if it]
    wrong = rng.random(10) < 0.2
    other = rng.integers(0, CATEGORIES, 10)
    return found, {
        it: int(other[it]) if wrong[it] or it == 9 else categories[it] for it in present
    }


def write(folder: Path, name: str, ids: np.ndarray) -> None:
    rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1)
    cv2.imwrite(str(folder / name), rgb[..., ::-1].astype(np.uint8))


def truth(folder: Path, maps: list, crowds: list) -> dict[str, str]:
    """Write maps as a panoptic data set; return the arguments of the metric."""
    annotations = []
    for number, ((ids, categories), crowd) in enumerate(zip(maps, crowds, strict=True)):
        name = f'{number}_gtFine.png'  # not that of an image
        write(folder, name, ids)
        segments = [
            dict(id=it, category_id=10 + label, iscrowd=int(it in crowd))
            for it, label in categories.items()
        ]
        annotations.append(
            dict(image_id=number, file_name=name, segments_info=segments)
        )
    names = [
        dict(id=10 + i, name=f'c{i}', isthing=int(i < THINGS))
        for i in range(CATEGORIES)
    ]
    images = [dict(id=number, file_name='a.jpg') for number in range(len(maps))]
    content = dict(images=images, categories=names, annotations=annotations)
    (folder / 'truth.json').write_text(json.dumps(content))
    return dict(ann_file=str(folder / 'truth.json'), seg_prefix=str(folder))


def prediction(number: int, ids: np.ndarray, categories: dict[int, int]) -> dict:
    encoded = np.full(ids.shape, CATEGORIES)
    for it, label in categories.items():
        encoded[ids == it] = label + 1000 * it
    return dict(
        img_id=number, pred_panoptic_seg=dict(sem_seg=torch.from_numpy(encoded[None]))
    )


def metric(**kwargs: str) -> CocoPanopticMetric:
    classes = [f'c{i}' for i in range(CATEGORIES)]
    made = CocoPanopticMetric(**kwargs)
    made.dataset_meta = dict(classes=classes, thing_classes=classes[:THINGS])
    return made


@pytest.mark.parametrize('seed', range(4))
def test_scores_are_those_of_panopticapi(seed, tmp_path):
    rng = np.random.default_rng(seed)
    true, found, crowds = [], [], []
    for _ in range(5):
        true.append(draw(rng))
        found.append(spoil(rng, *true[-1]))
        crowds.append({it for it in true[-1][1] if rng.random() < 0.15})
    made = metric(**truth(tmp_path, true, crowds))
    made.process({}, [prediction(i, *it) for i, it in enumerate(found)])
    scores = made.evaluate(5)
    for end, values in zip(('', '_th', '_st'), RECORDED[seed], strict=True):
        for name, value in zip(NAMES, values, strict=True):
            assert scores[f'coco_panoptic/{name}{end}'] == pytest.approx(
                value, abs=1e-4
            )


def test_the_truth_has_quality_100_and_nothing_0(tmp_path):
    maps = [draw(np.random.default_rng(0))]
    made = metric(**truth(tmp_path, maps, [()]))
    made.process({}, [prediction(0, *maps[0])])
    assert set(made.evaluate(1).values()) == {100}
    made.process({}, [prediction(0, np.zeros((24, 32), int), {})])
    assert set(made.evaluate(1).values()) == {0}
    assert PanopticQuality(2).scores() == dict(PQ=0, SQ=0, RQ=0)


def test_what_cannot_be_scored_is_refused(tmp_path):
    maps = [(np.eye(4, dtype=int), {1: 0})]
    made = metric(**truth(tmp_path, maps, [()]))
    with pytest.raises(ValueError, match=r'is \(2, 2\) pixels .* map \(4, 4\)'):
        made.process({}, [prediction(0, np.zeros((2, 2), int), {})])
    made.dataset_meta['classes'] = ['c1']
    with pytest.raises(ValueError, match='c0, which are no classes'):
        made.process({}, [prediction(0, *maps[0])])
    made = metric(**truth(tmp_path, [(np.eye(4, dtype=int), {1: 0, 7: 1})], [()]))
    with pytest.raises(ValueError, match=r'no pixel of the segments \{7\}'):
        made.process({}, [prediction(0, *maps[0])])
    made = metric(**truth(tmp_path, [(2 * np.eye(4, dtype=int) + 1, {1: 0})], [()]))
    with pytest.raises(ValueError, match='the ids 3, which the annotations do not'):
        made.process({}, [prediction(0, *maps[0])])


def test_things_and_stuff_are_loaded_from_one_label_map(tmp_path):
    ids = np.zeros((4, 6), np.int64)
    ids[:2], ids[2:, :3] = 70_000, 2
    write(tmp_path, 'map.png', ids)
    results = dict(
        img=np.zeros((*ids.shape, 3), np.uint8),
        seg_map_path=str(tmp_path / 'map.png'),
        ori_shape=ids.shape,
        img_shape=ids.shape,
        segments_info=[
            dict(id=70_000, category=1, is_thing=True),
            dict(id=2, category=3, is_thing=False),
        ],
        instances=[dict(bbox=[0, 0, 6, 2], bbox_label=1, ignore_flag=0)],
    )
    loaded = LoadPanopticObjects()(results)
    assert loaded['gt_bboxes_labels'].tolist() == [1]
    assert loaded['gt_masks'].masks.tolist() == [(ids == 70_000).tolist()]
    labels = loaded['gt_seg_map']
    assert labels.dtype == np.uint8  # which every transform resizes
    assert labels.tolist() == [[1] * 6] * 2 + [[3] * 3 + [255] * 3] * 2
    resized = Resize(scale=(12, 8))(loaded)
    assert (resized['gt_seg_map'] == labels.repeat(2, 0).repeat(2, 1)).all()
