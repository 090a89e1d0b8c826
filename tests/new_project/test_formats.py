"""Every format gives back the annotations that were exported to it."""

from __future__ import annotations

import base64
import io
import json

import exports
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as run_lengths

from hrnet_mm.new_project import FormatError
from hrnet_mm.new_project.collection import Collection
from hrnet_mm.new_project.formats import read_annotations
from hrnet_mm.new_project.splits import reorder_keypoints
from hrnet_mm.tiny_people.skeleton import KEYPOINTS, SKELETON


def written(people, split='train') -> dict[str, list[dict]]:
    images, objects = exports.load(people, split)
    return {image['file_name']: objects[image['id']] for image in images}


def by_image(collection: Collection) -> dict[str, list[dict]]:
    found: dict[int, list[dict]] = {image['id']: [] for image in collection.images}
    for annotation in collection.annotations:
        found[annotation['image_id']].append(annotation)
    return {image['file_name']: found[image['id']] for image in collection.images}


def check_boxes(collection: Collection, expected: dict[str, list[dict]]) -> None:
    found = by_image(collection)
    assert set(found) == set(expected)
    for name, objects in expected.items():
        boxes = [annotation['bbox'] for annotation in found[name]]
        assert np.allclose(boxes, [a['bbox'] for a in objects], atol=1e-3), name


def check_keypoints(collection: Collection, expected: dict[str, list[dict]]) -> None:
    assert sorted(collection.keypoints) == sorted(KEYPOINTS)
    reorder_keypoints(collection, KEYPOINTS)
    found = by_image(collection)
    for name, objects in expected.items():
        points = [annotation['keypoints'] for annotation in found[name]]
        assert np.allclose(points, [a['keypoints'] for a in objects], atol=1e-3)
        assert [a['num_keypoints'] for a in found[name]] == [
            a['num_keypoints'] for a in objects
        ]


def images(people, split='train'):
    return people / 'images' / split


def test_labelme_rectangles_and_points(few_people, tmp_path):
    folder = exports.to_labelme(few_people, 'train', tmp_path / 'labelme')
    (found,) = read_annotations([folder], images(few_people)).values()
    check_boxes(found, written(few_people))
    check_keypoints(found, written(few_people))


def test_cvat_skeletons_with_a_box_are_one_object(few_people, tmp_path):
    file = exports.to_cvat(few_people, 'train', tmp_path / 'annotations.xml')
    (found,) = read_annotations([file], images(few_people)).values()
    assert found.keypoints == list(KEYPOINTS)
    assert found.categories['person']['skeleton'] == [[*link] for link in SKELETON]
    check_boxes(found, written(few_people))
    check_keypoints(found, written(few_people))


@pytest.mark.parametrize('kind', ['boxes', 'keypoints'])
def test_yolo_boxes_and_keypoints_of_both_splits(kind, few_people, tmp_path):
    file = exports.to_yolo(few_people, tmp_path / 'yolo', kind)
    found = read_annotations([file], None)
    assert list(found) == ['train', 'val']
    for split, collection in found.items():
        check_boxes(collection, written(few_people, split))
        if kind == 'keypoints':
            check_keypoints(collection, written(few_people, split))
            assert collection.swaps['left_eye'] == 'right_eye'


def test_voc_counts_pixels_from_one(few_people, tmp_path):
    folder = exports.to_voc(few_people, 'train', tmp_path / 'voc')
    (found,) = read_annotations([folder], images(few_people)).values()
    check_boxes(found, written(few_people))


@pytest.mark.parametrize('kind', ['labelme', 'cvat'])
def test_outlines_of_several_parts_stay_one_object(kind, few_people, tmp_path):
    if kind == 'labelme':
        path = exports.to_labelme(few_people, 'train', tmp_path / 'it', masks=True)
    else:
        path = exports.to_cvat(few_people, 'train', tmp_path / 'it.xml', 'polygon')
    (found,) = read_annotations([path], images(few_people)).values()
    expected = written(few_people)
    assert any(len(a['segmentation']) > 1 for many in expected.values() for a in many)
    for name, objects in by_image(found).items():
        assert [a['segmentation'] for a in objects] == [
            a['segmentation'] for a in expected[name]
        ]


def test_cvat_masks_and_turned_boxes(few_people, tmp_path):
    file = tmp_path / 'annotations.xml'
    file.write_text(
        '<annotations><image name="000001.jpg" width="192" height="160">'
        '<mask label="cat" rle="1, 2, 3, 1" left="10" top="20" width="7" height="1" />'
        '<box label="dog" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90" />'
        '</image></annotations>'
    )
    (found,) = read_annotations([file], images(few_people)).values()
    cat, dog = found.annotations
    drawn = run_lengths.decode(cat['segmentation'])
    assert np.argwhere(drawn).tolist() == [[20, 11], [20, 12], [20, 16]]
    corners = np.reshape(dog['segmentation'], (4, 2))
    assert np.allclose([corners.min(0), corners.max(0)], [(15, 5), (25, 25)])


def test_several_files_are_one_set(few_people, tmp_path):
    whole = json.loads((few_people / 'annotations/train.json').read_text())
    files = []
    for part in (0, 1):
        chosen = [image for image in whole['images'] if image['id'] % 2 == part]
        ids = {image['id'] for image in chosen}
        objects = [a for a in whole['annotations'] if a['image_id'] in ids]
        files.append(tmp_path / f'{part}.json')
        content = dict(whole, images=chosen, annotations=objects)
        files[-1].write_text(json.dumps(content))
    (found,) = read_annotations(files, images(few_people)).values()
    check_boxes(found, written(few_people))
    check_keypoints(found, written(few_people))
    assert not found.notes
    ids = [annotation['id'] for annotation in found.annotations]
    assert len(set(ids)) == len(ids)


def test_a_mask_of_labelme_is_placed_in_the_image(few_people, tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0, 255, 0]], np.uint8)).save(buffer, 'png')
    mask = base64.b64encode(buffer.getvalue()).decode()
    entry = dict(shape('cat', 'mask', [[10, 20], [12, 20]]), mask=mask)
    content = dict(LABELME, shapes=[entry])
    (tmp_path / 'a.json').write_text(json.dumps(content))
    (found,) = read_annotations([tmp_path], images(few_people)).values()
    drawn = run_lengths.decode(found.annotations[0]['segmentation'])
    assert np.argwhere(drawn).tolist() == [[20, 11]]


LABELME = dict(imagePath='000001.jpg', imageWidth=192, imageHeight=160)


def shape(label, kind, points, group=None) -> dict:
    return dict(label=label, shape_type=kind, points=points, group_id=group)


RECTANGLE = shape('person', 'rectangle', [[10, 10], [50, 90]])


@pytest.mark.parametrize(
    ('shapes', 'message'),
    [
        ([shape('a', 'circle', [[1, 1], [5, 5]])], 'has a circle'),
        ([shape('nose', 'point', [[1, 1]]), RECTANGLE, RECTANGLE], 'without a group'),
        ([shape('nose', 'point', [[1, 1]], 1)] * 2, 'two points nose'),
    ],
)
def test_unclear_shapes_of_labelme_are_named(shapes, message, few_people, tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(dict(LABELME, shapes=shapes)))
    with pytest.raises(FormatError) as error:
        read_annotations([tmp_path], images(few_people))
    assert message in str(error.value)
    assert 'a.json' in str(error.value)


def test_a_missing_image_and_another_size_are_named(few_people, tmp_path):
    content = dict(LABELME, shapes=[RECTANGLE])
    (tmp_path / 'a.json').write_text(json.dumps(dict(content, imagePath='no.jpg')))
    with pytest.raises(FormatError, match=r'1 of 1 images .* no\.jpg'):
        read_annotations([tmp_path], images(few_people))
    (tmp_path / 'a.json').write_text(json.dumps(dict(content, imageWidth=100)))
    with pytest.raises(FormatError, match='192 x 160'):
        read_annotations([tmp_path], images(few_people))


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('3 0.5 0.5 0.1 0.1', 'a class from 0 to 0'),
        ('0 50 50 10 10', 'not from 0 to 1'),
        ('0 0.5 0.5 0.1', '3 numbers'),
    ],
)
def test_wrong_lines_of_yolo_are_named(line, message, few_people, tmp_path):
    file = exports.to_yolo(few_people, tmp_path, 'boxes')
    (tmp_path / 'labels/train/000002.txt').write_text(f'\n{line}\n')
    with pytest.raises(FormatError, match=message) as error:
        read_annotations([file], None)
    assert 'line 2 of' in str(error.value)


def test_xml_with_entities_is_rejected(tmp_path, few_people):
    file = tmp_path / 'a.xml'
    file.write_text('<!DOCTYPE x [<!ENTITY a "aa">]><annotations>&a;</annotations>')
    with pytest.raises(FormatError, match='document type'):
        read_annotations([file], images(few_people))


def test_difficult_objects_of_voc_are_ignored_not_lost(few_people, tmp_path):
    folder = exports.to_voc(few_people, 'train', tmp_path / 'voc')
    file = folder / '000001.xml'
    text = file.read_text().replace('</object>', '<difficult>1</difficult></object>', 1)
    file.write_text(text)
    (found,) = read_annotations([folder], images(few_people)).values()
    assert [a['iscrowd'] for a in found.annotations].count(1) == 1
    assert any('difficult' in note for note in found.notes)
