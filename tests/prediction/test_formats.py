"""Predictions as data in the formats of the field."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from hrnet_mm.prediction.formats import (
    ClassTable,
    CocoResults,
    ImageIds,
    LabelMaps,
    class_categories,
)
from hrnet_mm.prediction.sources import Frame, Video


def frame(name: str, **kwargs: object) -> Frame:
    return Frame(f'photos/{name}', name.split('.')[0], name, **kwargs)


def ids_of(names: list[str], images: list[dict] = ()) -> list[int]:
    frames = [frame(name) for name in names]
    ids = ImageIds(images, [it.source for it in frames])
    assigned = [ids.assign(it) for it in frames]
    assert assigned == [ids.assign(it) for it in frames]
    return assigned


def test_ids_are_those_of_the_annotation_file():
    images = [dict(file_name='val/a.jpg', id=7), dict(file_name='b.jpg', id=1)]
    assert ids_of(['a.jpg', 'b.jpg', '3.jpg', 'c.jpg'], images) == [7, 1, 2, 3]


def test_images_with_equal_names_are_told_apart_by_their_folders():
    names = ['x/a.jpg', 'y/a.jpg', 'z/a.jpg']
    images = [
        dict(file_name=f'{folder}/a.jpg', id=i) for i, folder in ((5, 'y'), (6, 'x'))
    ]
    assert ids_of(names, images) == [6, 5, 1]
    listed = [dict(file_name='a.jpg', id=5)]  # of which of them?
    assert len({*ids_of(names, listed), 5}) == 4


def test_a_number_as_name_is_an_id():
    assert ids_of(['000000000139.jpg', 'photo.jpg', '1.jpg']) == [139, 2, 1]
    assert ids_of(['x/1.jpg', 'y/1.jpg', '2.jpg']) == [1, 3, 2]  # any, but different
    assert ids_of(['²³.jpg']) == [1]


def test_frames_of_a_video_have_ids_of_their_own():
    ids, video = ImageIds(), Video(1, '5.mp4', '5', 25.0)
    frames = [Frame('5.mp4', f'5/{i}', '5.mp4', video, i) for i in range(3)]
    assert [ids.assign(it) for it in frames] == [1, 2, 3]


def test_classes_of_coco_have_the_ids_of_coco():
    mmdet = pytest.importorskip('mmdet.datasets')
    classes = mmdet.CocoDataset.METAINFO['classes']
    found = class_categories(classes)
    assert (found[0]['id'], found[11]['id'], found[-1]['id']) == (1, 13, 90)
    assert len({it['id'] for it in found}) == 80


def test_other_classes_are_numbered_or_have_the_given_ids():
    assert [it['id'] for it in class_categories(['cat', 'dog'])] == [1, 2]
    given = [dict(id=5, name='dog'), dict(id=3, name='cat')]
    assert [it['id'] for it in class_categories(['cat', 'dog'], given)] == [3, 5]
    given = [dict(id=1, name='dog')]
    assert [it['id'] for it in class_categories(['cat', 'dog'], given)] == [2, 1]


def test_pycocotools_reads_the_results(tmp_path, capsys):
    categories = class_categories(['person'])
    box = dict(category_id=1, bbox=[1, 2, 30, 40], score=0.5)
    writer = CocoResults(tmp_path, ImageIds(), categories, lambda result: [box])
    writer.add(frame('a.jpg'), (64, 48), None)
    video = Video(2, 'c.mp4', 'c', 25.0)
    writer.add(Frame('c.mp4', 'c/4', 'c.mp4', video, 4), (64, 48), None)
    writer.close()
    coco = COCO(str(tmp_path / 'images.json'))
    results = coco.loadRes(str(tmp_path / 'predictions.json'))
    assert len(results.anns) == 2
    image = json.loads((tmp_path / 'images.json').read_text())['images'][1]
    assert (image['video_id'], image['frame_id'], image['width']) == (2, 4, 64)


def test_label_maps_have_a_palette(tmp_path):
    labels = np.array([[0, 1], [2, 1]])
    palette = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]
    writer = LabelMaps(tmp_path, ['a', 'b', 'c'], palette, lambda result: result)
    writer.add(frame('x/y.jpg'), (2, 2), labels)
    writer.close()
    picture = Image.open(tmp_path / 'labels/x/y.png')
    assert picture.mode == 'P'
    assert (np.asarray(picture) == labels).all()
    assert picture.convert('RGB').getpixel((1, 0)) == (255, 0, 0)
    assert (tmp_path / 'classes.txt').read_text() == 'a\nb\nc\n'


def test_a_table_has_the_most_probable_classes(tmp_path):
    writer = ClassTable(tmp_path, ['cat', 'dog', 'fox'], lambda result: result, top=2)
    writer.add(frame('a.jpg'), (2, 2), [0.2, 0.7, 0.1])
    writer.close()
    with (tmp_path / 'predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [(row['rank'], row['class'], row['score']) for row in rows] == [
        ('1', 'dog', '0.700000'),
        ('2', 'cat', '0.200000'),
    ]
    assert rows[0]['file'] == 'photos/a.jpg'
