"""The benchmarks of whole jobs and of data loaders."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

pytest.importorskip('mmpose')

from benchmarks.job_data import CLASSES, SCENE, Data
from benchmarks.jobs import PAIRS, Run, _row
from benchmarks.waiting import measure_waiting, predict_workers

OUTLINE = [10, 10, 30, 10, 30, 40, 10, 40]


@pytest.fixture
def data(tmp_path) -> Data:
    (tmp_path / 'images').mkdir()
    images, objects = [], []
    for number in range(3):
        image = np.full((48, 64, 3), number, np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), image)
        name = f'{number}.png'
        images.append(dict(id=number, file_name=name, width=64, height=48))
        if number:  # the first image has no object
            objects.append(
                dict(id=number, image_id=number, segmentation=[OUTLINE], bbox=[1] * 4)
            )
    path = tmp_path / 'all.json'
    path.write_text(json.dumps(dict(images=images, annotations=objects, categories=[])))
    return Data(path, tmp_path / 'images', tmp_path / 'data', 5)


def test_images_with_objects_are_repeated(data):
    content = json.loads((data.folder / 'all.json').read_text())
    assert [it['id'] for it in content['images']] == [*range(5)]
    assert [it['image_id'] for it in content['annotations']] == [*range(5)]
    for image in content['images']:
        path = data.folder / 'images' / image['file_name']
        assert cv2.imread(str(path))[0, 0, 0] == 1 + image['id'] % 2


def test_all_layouts_have_the_same_images(data):
    names = {path.stem for path in (data.folder / 'images').iterdir()}
    for layout in ('scenes', 'labels'):
        assert {path.stem for path in (data.folder / layout).iterdir()} == names
    labels = cv2.imread(str(data.folder / 'labels/00000.png'), cv2.IMREAD_UNCHANGED)
    assert labels.shape == SCENE[::-1]
    assert labels[labels.shape[0] // 2, labels.shape[1] // 3] == 1
    assert labels[0, 0] == 0
    lines = (data.folder / 'classes.txt').read_text().splitlines()
    assert {line.split('.')[0] for line in lines} == names
    assert all(int(line.split()[1]) < CLASSES for line in lines)
    for task in PAIRS:
        assert data.dataset(task, 4)['indices'] == 4


def test_figures_are_ratios_of_the_same_round():
    stock = [Run(10, 2, 0.5, 4, {}), Run(20, 4, 0.5, 8, {})]
    ours = [Run(5, 4, 0.0, 8, {}), Run(10, 8, 0.0, 16, {})]
    row = _row('pose', stock, ours)
    assert row[1] == '3.0, 6.0'
    assert row[2] == row[4] == '2.00 (2.00 to 2.00)'
    assert row[6] == '0.50 (0.50 to 0.50)'


def test_workers_are_predicted_and_the_device_then_waits_less():
    assert predict_workers(samples_per_second=400, batch=64, step=0.05) == 4
    few, many = (measure_waiting(n, 200, batch=4, step=0.01, steps=8) for n in (1, 3))
    assert many < few
