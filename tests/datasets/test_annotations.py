"""What annotation files of many tools mean, or a sentence that says what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask

from hrnet_mm.datasets.annotations import (
    AnnotationError,
    Annotations,
    normalize_annotations,
)

WIDTH, HEIGHT = 40, 30
SQUARE = [2.0, 3.0, 12.0, 3.0, 12.0, 13.0, 2.0, 13.0]


def example() -> dict:
    """Two images, a person in each."""
    person = dict(
        category_id=1,
        bbox=[2, 3, 10, 10],
        area=100.0,
        iscrowd=0,
        segmentation=[SQUARE],
        keypoints=[3, 4, 2, 5, 6, 1],
        num_keypoints=2,
    )
    return dict(
        images=[
            dict(id=i, file_name=f'{i}.png', width=WIDTH, height=HEIGHT) for i in (1, 2)
        ],
        annotations=[
            dict(copy.deepcopy(person), id=10 + i, image_id=i) for i in (1, 2)
        ],
        categories=[dict(id=1, name='person', keypoints=['nose', 'neck'])],
    )


def read(change: Callable[[dict], object]) -> tuple[dict, set[str]]:
    content = example()
    change(content)
    sizes = {'1.png': (WIDTH, HEIGHT), '2.png': (WIDTH, HEIGHT)}
    found = Annotations(content, 'train.json', sizes.__getitem__)
    return found.content, set(+found.changes)


def first(field: str, value: object) -> Callable[[dict], None]:
    return lambda content: content['annotations'][0].update({field: value})


def every(kind: str, **fields: object) -> Callable[[dict], None]:
    return lambda content: [entry.update(fields) for entry in content[kind]]


def without(kind: str, *fields: str) -> Callable[[dict], None]:
    return lambda content: [entry.pop(f) for entry in content[kind] for f in fields]


def test_a_plain_file_stays_as_it_is(tmp_path):
    content, changes = read(lambda content: None)
    assert content == example()
    assert not changes
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(content))
    assert normalize_annotations(str(path)) == str(path)


def named(content: dict) -> None:
    for image in content['images']:
        image['id'] = f'img{image["id"]}'
    for annotation in content['annotations']:
        annotation['image_id'] = f'img{annotation["image_id"]}'


def strings_for_numbers(content: dict) -> None:
    for annotation in content['annotations']:
        annotation['image_id'] = str(annotation['image_id'])


def by_name_of_category(content: dict) -> None:
    every('categories', id='person')(content)
    every('annotations', category_id='person')(content)


def by_id(content: dict) -> None:
    content['annotations'] = {str(a['id']): a for a in content['annotations']}


def as_points(content: dict) -> None:
    points = np.reshape(SQUARE, (-1, 2)).tolist()
    first('segmentation', [points])(content)
    content['annotations'][1]['segmentation'] = [[dict(x=x, y=y) for x, y in points]]


def corners(content: dict) -> None:
    outline = [6, 7, 12, 7, 12, 13, 6, 13]
    every('annotations', bbox=[6, 7, 12, 13], segmentation=[outline])(content)


def as_strings(content: dict) -> None:
    every('images', width=str(WIDTH), height=str(HEIGHT))(content)
    first('bbox', ['2', '3', '10', '10'])(content)
    first('segmentation', [list(map(str, SQUARE))])(content)


@pytest.mark.parametrize(
    'change',
    [
        without('images', 'width', 'height'),
        every('images', width=None, height=None),
        every('images', width=0, height=0),
        every('annotations', category_id='1'),
        strings_for_numbers,
        named,
        by_name_of_category,
        by_id,
        as_points,
        as_strings,
        without('annotations', 'area'),
        every('annotations', area=0),
        without('annotations', 'iscrowd'),
        every('annotations', iscrowd=None),
        every('annotations', iscrowd='0'),
        without('annotations', 'num_keypoints'),
        every('annotations', num_keypoints=0),
        first('keypoints', [[3, 4, 2], [5, 6, 1]]),
        without('annotations', 'bbox'),
        first('bbox', None),
        first('bbox', []),
        first('segmentation', SQUARE),
        first('segmentation', [SQUARE, [1, 2], [1, 2, 3, 4], []]),
        lambda content: content['images'].append(dict(content['images'][0])),
        lambda content: content['annotations'].append(
            dict(content['annotations'][0], id=99, image_id=7777)
        ),
    ],
)  # fmt: skip
def test_what_is_clear_is_read(change):
    content, changes = read(change)
    assert changes
    assert content == example()


@pytest.mark.parametrize('ids', [(1, 1), (0, 1), (None, None), ('a', 'b'), (-1, 2)])
def test_annotations_get_unique_positive_ids(ids):
    def change(content: dict) -> None:
        for annotation, value in zip(content['annotations'], ids, strict=True):
            annotation['id'] = value

    content, changes = read(change)
    assert [a['id'] for a in content['annotations']] == [1, 2]
    assert [a['image_id'] for a in content['annotations']] == [1, 2]
    assert changes


def test_most_boxes_outside_are_a_warning():
    content = example()
    content['annotations'] += [
        dict(content['annotations'][0], id=20 + i, bbox=[35, 3, 10, 10])
        for i in range(3)
    ]
    found = Annotations(content, 'train.json', None)
    assert found.warnings[0].startswith('3 of 5 boxes leave their images')


def test_a_category_that_is_not_listed_stays():
    """Data sets leave it out, and say so."""
    content, changes = read(first('category_id', 5))
    assert content['annotations'][0]['category_id'] == 5
    assert not changes


def test_categories_are_those_of_annotations():
    content, changes = read(lambda content: content.pop('categories'))
    assert content['categories'] == [dict(id=1, name='1')]
    assert content['annotations'] == example()['annotations']
    assert changes


def test_a_name_that_is_a_number_is_read_as_text():
    content, changes = read(every('categories', name=5))
    assert content['categories'][0]['name'] == '5'
    assert changes == {'names of categories that were numbers: made text'}


def test_a_skeleton_that_counts_from_0_is_counted_from_1():
    content, changes = read(every('categories', skeleton=[[0, 1]]))
    assert content['categories'][0]['skeleton'] == [[1, 2]]
    assert changes == {'skeletons that counted keypoints from 0: updated'}


@pytest.mark.parametrize('skeleton', [[[1, 2]], [[0, 2]], [[0, 'neck']], [0, 1], 3])
def test_another_skeleton_stays(skeleton):
    content, changes = read(every('categories', skeleton=skeleton))
    assert content['categories'][0]['skeleton'] == skeleton
    assert not changes


def test_category_0_stays():
    def change(content: dict) -> None:
        every('categories', id=0)(content)
        every('annotations', category_id=0)(content)

    content, changes = read(change)
    assert [c['id'] for c in content['categories']] == [0]
    assert not changes


@pytest.mark.parametrize('outline', [[], None, [[]], [[1, 2]], [[1, 2, 3, 4]]])
def test_no_outline_is_an_empty_list(outline):
    content, changes = read(first('segmentation', outline))
    assert content['annotations'][0]['segmentation'] == []
    assert bool(changes) == (outline != [])


def test_an_area_without_an_outline_is_that_of_the_box():
    def change(content: dict) -> None:
        without('annotations', 'area', 'segmentation')(content)

    content, _ = read(change)
    assert [a['area'] for a in content['annotations']] == [100, 100]


def lengths(size: tuple[int, int] = (HEIGHT, WIDTH)) -> dict:
    shape = np.zeros(size, np.uint8, order='F')
    shape[3:13, 2:12] = 1
    found = mask.encode(shape)
    return dict(size=list(found['size']), counts=found['counts'].decode())


def test_run_lengths():
    content, changes = read(first('segmentation', lengths()))
    assert content['annotations'][0]['segmentation'] == lengths()
    assert not changes
    content, _ = read(first('segmentation', [lengths(), lengths()]))
    assert content['annotations'][0]['segmentation'] == lengths()
    plain = dict(size=[HEIGHT, WIDTH], counts=[63, 10, HEIGHT * WIDTH - 73])
    content, changes = read(first('segmentation', plain))
    assert content['annotations'][0]['segmentation'] == plain


def test_what_stands_for_an_invisible_keypoint_is_0():
    for nothing in (None, float('nan')):
        content, _ = read(first('keypoints', [3, 4, 2, nothing, nothing, 0]))
        assert content['annotations'][0]['keypoints'] == [3, 4, 2, 0, 0, 0]


PERSON = r'annotation 11 of 1\.png in train\.json has '


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (first('bbox', [1, 2, 3]), PERSON + r'bbox=\[1, 2, 3\], but needs x, y'),
        (first('bbox', [1, 2, float('nan'), 4]), PERSON + 'bbox=.*nan.*not numbers'),
        (first('bbox', ['a', 2, 3, 4]), PERSON + "bbox=.*'a'.*not numbers"),
        (first('area', 'big'), PERSON + 'area=big: not numbers'),
        (first('keypoints', [3, 4, 5, 6]), PERSON + '4 numbers in keypoints, not'),
        (first('keypoints', [3, 4, 2] * 5), PERSON + '15 numbers .* of 2 keypoints'),
        (first('keypoints', [None, 4, 2, 5, 6, 1]), PERSON + 'a visible keypoint'),
        (first('keypoints', 'none'), PERSON + 'keypoints=none: not numbers'),
        (first('segmentation', [[1, 2, 3, 4, 5, 6, 7]]), PERSON + 'a polygon of 7'),
        (first('segmentation', [[[1, 2]], 'ab']), PERSON + 'a polygon that is not a'),
        (first('segmentation', [[float('nan')] * 8]), PERSON + 'a polygon=.*not num'),
        (first('segmentation', 'x'), PERSON + 'segmentation=x'),
        (first('segmentation', lengths((20, 30))), PERSON + r'.*\[20, 30\] \(heig'),
        (first('segmentation', lengths((WIDTH, HEIGHT))), 'its image is 30 x 40'),
        (first('segmentation', dict(size=[HEIGHT, WIDTH])), 'without counts'),
        (first('category_id', 'dog'), PERSON + "category_id='dog', which .* of person"),
        (without('annotations', 'image_id'), 'annotation 11 in .* has no image_id'),
        (every('annotations', bbox=[0.1, 0.2, 0.3, 0.5]), 'all 2 boxes .* one pixel'),
        (every('annotations', bbox=[35, 3, 10, 10]), 'all 2 boxes .* leave their im'),
        (corners, 'are corners, x1, y1, x2, y2 .2 of them'),
        (every('annotations', image_id=7), 'no annotation has an image_id that is in'),
        (every('images', id=1), r'image 2\.png in train\.json has the id of 1\.png'),
        (without('images', 'file_name'), 'image 1 in .* has no file_name'),
        (without('images', 'id'), r'image 1\.png in .* has id=None'),
        (every('categories', name=None), "category .*'name': None.* needs an id and a"),
        (
            lambda c: c['categories'].append(dict(id=2, name='person')),
            'category person in train.json has 2 ids',
        ),
        (lambda c: c['categories'].append(dict(id=1, name='dog')), 'has the id of p'),
        (lambda c: c.update(annotations=3), '`annotations` of train.json is not a l'),
        (lambda c: c.pop('images'), 'not a COCO annotation file'),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_named(change, message):
    with pytest.raises(AnnotationError, match=message):
        read(change)


def test_sizes_are_read_from_the_images(tmp_path):
    """Images are loaded turned by their EXIF orientation."""
    image = Image.new('RGB', (HEIGHT, WIDTH))
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ('1.png', '2.png'):
        image.save(tmp_path / name, exif=exif)
    content = example()
    without('images', 'width', 'height')(content)
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(content))
    clean = normalize_annotations(str(path), str(tmp_path))
    assert clean != str(path)
    assert json.loads(Path(clean).read_text()) == example()
    assert (
        normalize_annotations(str(path)) == clean
    )  # for a metric, which knows no folder


def test_what_is_no_json_is_named(tmp_path):
    (tmp_path / 'train.json').write_text('<xml>')
    with pytest.raises(AnnotationError, match=r'train\.json is not a JSON file'):
        normalize_annotations(str(tmp_path / 'train.json'))


def test_an_image_whose_size_is_not_known_is_named(tmp_path):
    content = example()
    without('images', 'width')(content)
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match=r'image .*1\.png is listed without wi'):
        normalize_annotations(str(path), str(tmp_path))
