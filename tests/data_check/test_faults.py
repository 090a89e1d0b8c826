"""Each fault of a data set is found, and a good one has no finding."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from hrnet_mm.data_check import Anchors, Labels, Report, Split, check
from hrnet_mm.tiny_people import CLASSES, KEYPOINTS, POSES

SPLITS = ('train', 'val')
PAIRS = [(i, i + 1) for i in range(1, len(KEYPOINTS), 2)]  # left, right


@pytest.fixture
def people(few_people, tmp_path) -> Path:
    """A copy of TinyPeople that may be spoiled."""
    return Path(shutil.copytree(few_people, tmp_path / 'people'))


def coco(root: Path, task: str = 'pose', **options) -> Report:
    splits = [
        Split(s, 'coco', root / 'images' / s, root / f'annotations/{s}.json')
        for s in SPLITS
    ]
    return check(splits, task, **options)


def label_maps(root: Path, **options) -> Report:
    splits = [
        Split(s, 'label_maps', root / 'images' / s, root / 'labels' / s) for s in SPLITS
    ]
    return check(splits, 'segmentation', **{'classes': CLASSES, **options})


def folders(root: Path, **options) -> Report:
    splits = [Split(s, 'class_folders', root / 'crops' / s) for s in SPLITS]
    return check(splits, 'classification', **{'classes': sorted(POSES), **options})


def change(root: Path, edit: Callable[[dict], object], split: str = 'train') -> None:
    path = root / f'annotations/{split}.json'
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def image(root: Path, number: int = 1, split: str = 'train') -> Path:
    return root / f'images/{split}/{number:06}.jpg'


@pytest.mark.parametrize('task', ['pose', 'detection'])
def test_tiny_people_has_no_fault(task, few_people):
    report = coco(few_people, task)
    assert report.findings == []
    assert report.is_sound
    assert report.summary['train'].images == 20
    assert set(report.summary['train'].image_sizes) == {(192, 160)}
    assert report.summary['val'].classes['person'] == report.summary['val'].annotations
    assert len(report.drawings) == 8 + 4


def test_label_maps_and_folders_of_tiny_people_have_no_fault(few_people):
    assert label_maps(few_people).findings == []
    # a split of few images lacks poses; its classes are those that it has
    trained = [
        p.name for p in (few_people / 'crops/train').iterdir() if any(p.iterdir())
    ]
    split = Split('train', 'class_folders', few_people / 'crops/train')
    report = check([split], 'classification', sorted(POSES))
    missing = sorted(set(POSES) - set(trained))
    assert [found.effect for found in report.findings] == ['wrong'] * bool(missing)


# What is done to the data, and what is found: effect, words of the message, a place.
def missing_image(root: Path) -> None:
    image(root).unlink()


def empty_image(root: Path) -> None:
    image(root).write_bytes(b'')


def cut_off_image(root: Path) -> None:
    content = image(root).read_bytes()
    image(root).write_bytes(content[: len(content) // 2])


def no_image(root: Path) -> None:
    image(root).write_text('<html>not found</html>')


def repeated_image(root: Path) -> None:
    shutil.copy(image(root, 1), image(root, 2))


def image_in_both(root: Path) -> None:
    shutil.copy(image(root, 1), image(root, 1, 'val'))


def recoded_image_in_both(root: Path) -> None:
    copy = cv2.imread(str(image(root, 1)))
    cv2.imwrite(str(image(root, 1, 'val')), copy, [cv2.IMWRITE_JPEG_QUALITY, 60])


def keypoints_outside(root: Path) -> None:
    def move(content: dict) -> None:
        for person in content['annotations'][::2]:
            points = np.reshape(person['keypoints'], (-1, 3))
            points[:, 0] += 300 * (points[:, 2] > 0)
            person['keypoints'] = points.ravel().tolist()

    change(root, move)


def sides_exchanged(root: Path, pairs: list[tuple[int, int]] = PAIRS) -> None:
    def exchange(content: dict) -> None:
        for person in content['annotations']:
            points = np.reshape(person['keypoints'], (-1, 3))
            for left, right in pairs:
                points[[left, right]] = points[[right, left]]
            person['keypoints'] = points.ravel().tolist()

    change(root, exchange)


def hips_exchanged(root: Path) -> None:
    sides_exchanged(root, [PAIRS[5]])


def order_of_another_skeleton(root: Path) -> None:
    def reorder(content: dict) -> None:
        names = content['categories'][0]['keypoints']
        content['categories'][0]['keypoints'] = [*names[5:], *names[:5]]

    change(root, reorder)


def box_outside(root: Path) -> None:
    def move(content: dict) -> None:
        content['annotations'][0]['bbox'][0] += 400
        content['annotations'][0]['keypoints'] = [
            value + 400 * (i % 3 == 0)
            for i, value in enumerate(content['annotations'][0]['keypoints'])
        ]

    change(root, move)


def corner_boxes(root: Path) -> None:
    def to_corners(content: dict) -> None:
        for person in content['annotations']:
            x, y, width, height = person['bbox']
            person['bbox'] = [x, y, x + width, y + height]

    change(root, to_corners)


def boxes_as_fractions(root: Path) -> None:
    def divide(content: dict) -> None:
        for person in content['annotations']:
            person['bbox'] = [value / 200 for value in person['bbox']]

    change(root, divide)


def resized_image(root: Path) -> None:
    small = cv2.resize(cv2.imread(str(image(root))), (96, 80))
    cv2.imwrite(str(image(root)), small)


def image_turned_by_exif(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(image(root)) as upright:
        upright.load()
    upright.save(image(root), exif=exif)


def unknown_category(root: Path) -> None:
    change(root, lambda it: it['annotations'][0].update(category_id=7))


def unknown_image(root: Path) -> None:
    change(root, lambda it: it['annotations'][0].update(image_id=12345))


def class_without_example(root: Path) -> None:
    for split in SPLITS:
        change(root, lambda it: it['categories'].append(dict(id=2, name='dog')), split)


def no_json(root: Path) -> None:
    (root / 'annotations/train.json').write_text('{')


def no_keypoints(root: Path) -> None:
    def hide(content: dict) -> None:
        content['annotations'][0].update(keypoints=[0] * 51, num_keypoints=0)

    change(root, hide)


FIRST = '000001.jpg'
# OpenCV 4 loads the upper part of a JPEG, OpenCV 5 nothing
CUT_OFF = 'wrong' if int(cv2.__version__.split('.')[0]) < 5 else 'stops'
POSE = [
    (missing_image, 'stops', '1 image of 20 in train is missing', FIRST),
    (empty_image, 'stops', 'cannot be read', f'{FIRST} is empty (0 bytes)'),
    (cut_off_image, CUT_OFF, 'is cut off' if CUT_OFF == 'wrong' else 'be read', FIRST),
    (no_image, 'stops', 'cannot be read', f'{FIRST} is not an image'),
    (repeated_image, 'note', '1 image in train is there more than once', '000002.jpg'),
    (image_in_both, 'wrong', 'of val is in train, too', f'train/{FIRST} = val/{FIRST}'),
    (recoded_image_in_both, 'note', 'of train and val looks the same', FIRST),
    (keypoints_outside, 'wrong', 'have keypoints far outside the box', 'of 000001.jpg'),
    (sides_exchanged, 'wrong', 'left and right are exchanged for', 'annotation'),
    (hips_exchanged, 'wrong', 'left_hip and right_hip are exchanged', 'annotation'),
    (box_outside, 'wrong', 'has a box outside the image', 'of 000001.jpg'),
    (corner_boxes, 'stops', 'are corners, x1, y1, x2, y2', ''),
    (boxes_as_fractions, 'stops', 'lie inside one pixel', ''),
    (resized_image, 'stops', 'another size than in', '96 x 80, listed as 192 x 160'),
    (image_turned_by_exif, 'stops', 'an EXIF orientation rotates 1', FIRST),
    (unknown_image, 'skipped', 'that are not in `images`', 'of 12345'),
    (no_json, 'stops', 'is not a JSON file', ''),
    (no_keypoints, 'skipped', 'is without visible keypoints', 'of 000001.jpg'),
]


@pytest.mark.parametrize(('spoil', 'effect', 'words', 'place'), POSE)
def test_a_fault_of_keypoints_is_found(spoil, effect, words, place, people):
    spoil(people)
    found = coco(people)
    assert_only(found, effect, words, place, allowed=('has no annotation', 'EXIF'))
    assert found.is_sound == (effect in ('skipped', 'note'))


def assert_only(
    report: Report, effect: str, words: str, place: str, allowed: tuple[str, ...] = ()
) -> None:
    """The first finding is the expected one; others are its consequences."""
    first, *others = report.findings
    assert first.effect == effect, report.findings
    assert words in first.message
    assert place in ' '.join(first.places)
    assert all(any(a in it.message for a in allowed) for it in others), others


def test_another_order_of_keypoints_is_found(people):
    order_of_another_skeleton(people)
    info = {i: dict(name=name, id=i, swap='') for i, name in enumerate(KEYPOINTS)}
    report = coco(people, keypoints=dict(keypoint_info=info))
    assert_only(report, 'wrong', 'keypoints of train have another order', '')


def test_another_number_of_keypoints_stops(people):
    info = {i: dict(name=name, id=i) for i, name in enumerate(KEYPOINTS[:12])}
    report = coco(people, keypoints=dict(keypoint_info=info))
    allowed = ('the 12 keypoints',)
    assert_only(report, 'stops', 'not have the 12 keypoints', 'annotation 1', allowed)


@pytest.mark.parametrize(
    ('spoil', 'effect', 'words', 'place'),
    [
        (box_outside, 'skipped', 'is outside their image', 'of 000001.jpg'),
        (
            unknown_category,
            'skipped',
            'category 7 (not in `categories`)',
            'annotation 1',
        ),
        (class_without_example, 'wrong', '1 class of 2 has no example in train', ''),
    ],
)
def test_a_fault_of_boxes_is_found(spoil, effect, words, place, people):
    spoil(people)
    assert_only(coco(people, 'detection'), effect, words, place, ('in val',))


def test_boxes_smaller_than_the_smallest_anchor_are_found(few_people):
    report = coco(few_people, 'detection', anchors=Anchors(300, 0.3, scale=None))
    first = report.findings[0]
    assert first.effect == 'skipped'
    assert 'smaller than the smallest anchor (300 x 300' in first.message
    assert 'annotation' in first.places[0]
    large = Anchors(300, 0.3, scale=(1333, 800))
    assert coco(few_people, 'detection', anchors=large).is_sound
    assert coco(few_people, 'detection', anchors=None).findings == []


def test_classes_of_a_config_that_the_file_lacks_stop(few_people):
    report = coco(few_people, 'detection', classes=('person', 'dog'))
    assert {found.effect for found in report.findings} == {'stops'}
    assert 'the classes dog are not among' in report.findings[0].message


def label(root: Path, number: int = 1) -> Path:
    return root / f'labels/train/{number:06}.png'


def unknown_value(root: Path) -> None:
    labels = np.array(Image.open(label(root)))
    labels[:4, :4] = 9
    Image.fromarray(labels).save(label(root))


def smaller_labels(root: Path) -> None:
    labels = Image.open(label(root))
    labels.resize((96, 80), Image.Resampling.NEAREST).save(label(root))


def coloured_labels(root: Path) -> None:
    Image.open(label(root)).convert('RGB').save(label(root))


def missing_labels(root: Path) -> None:
    label(root).unlink()


def damaged_labels(root: Path) -> None:
    content = label(root).read_bytes()
    label(root).write_bytes(content[: len(content) // 2])


def no_legs(root: Path) -> None:
    for path in (root / 'labels/train').iterdir():
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels == 4, 0, labels).astype(np.uint8)).save(path)


def black_and_white(root: Path) -> None:
    for path in (root / 'labels').rglob('*.png'):
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels, 255, 0).astype(np.uint8)).save(path)


@pytest.mark.parametrize(
    ('spoil', 'effect', 'words', 'place'),
    [
        (unknown_value, 'stops', 'the values 9, which are no class', '000001.png'),
        (smaller_labels, 'stops', 'another size', 'labels 96 x 80'),
        (coloured_labels, 'stops', 'has colours', '000001.png'),
        (missing_labels, 'stops', 'does not exist', '000001.png'),
        (damaged_labels, 'stops', 'cannot be read', '000001.png'),
        (no_legs, 'wrong', 'has no example in train (legs)', ''),
        (black_and_white, 'stops', 'set label_values=(0, 255)', '000001.png'),
        (image_turned_by_exif, 'stops', 'another size', FIRST),
    ],
)
def test_a_fault_of_label_maps_is_found(spoil, effect, words, place, people):
    spoil(people)
    allowed = ('hold 0 and 255 only', 'EXIF')
    assert_only(label_maps(people), effect, words, place, allowed)


def test_values_of_label_maps_are_those_of_the_config(people):
    black_and_white(people)
    two = dict(classes=('background', 'person'))
    rules = Labels((0, 255), frozenset())
    assert label_maps(people, labels=rules, **two).findings == []
    rules = Labels((1, 2, 3, 4), frozenset({0, 255}))  # reduce_zero_label
    found = label_maps(people, classes=CLASSES[1:], labels=rules).findings[0]
    assert '4 classes of 4 have no example in train (head, torso,' in found.message


def folder(root: Path) -> Path:
    full = [p for p in sorted((root / 'crops/train').iterdir()) if any(p.iterdir())]
    return full[0]


def class_without_images(root: Path) -> None:
    for path in folder(root).iterdir():
        path.unlink()


def class_without_folder(root: Path) -> None:
    shutil.rmtree(folder(root))


def another_folder(root: Path) -> None:
    (root / 'crops/train/.cache').mkdir()


def image_in_two_classes(root: Path) -> None:
    path = next(folder(root).iterdir())
    other = next(p for p in (root / 'crops/train').iterdir() if p != folder(root))
    shutil.copy(path, other / 'copy.jpg')


def image_of_another_format(root: Path) -> None:
    path = next(folder(root).iterdir())
    Image.open(path).save(path.with_suffix('.webp'))


@pytest.mark.parametrize(
    ('spoil', 'effect', 'words'),
    [
        (class_without_images, 'wrong', 'no example in train'),
        (class_without_folder, 'stops', 'has no folder of arms_up'),
        (another_folder, 'stops', 'a folder of .cache'),
        (image_in_two_classes, 'wrong', 'is in several classes'),
        (image_of_another_format, 'skipped', 'is no image of a class'),
    ],
)
def test_a_fault_of_folders_is_found(spoil, effect, words, people):
    before = {found.message for found in folders(people).findings}
    spoil(people)
    found = [it for it in folders(people).findings if it.message not in before]
    assert any(it.effect == effect and words in it.message for it in found), found


def test_only_the_files_of_a_split_are_checked(few_people):
    names = sorted(path.name for path in (few_people / 'images/train').iterdir())
    file = few_people / 'annotations/train.json'
    folder = few_people / 'images/train'
    splits = [
        Split('train', 'coco', folder, file, tuple(names[:15])),
        Split('val', 'coco', folder, file, tuple(names[15:])),
    ]
    report = check(splits, 'pose')
    assert report.findings == []
    assert [it.images for it in report.summary.values()] == [15, 5]
    crops = few_people / 'crops/train'
    files = tuple(sorted(p.relative_to(crops).as_posix() for p in crops.rglob('*.jpg')))
    report = check(
        [
            Split('train', 'class_folders', crops, files=files),
            Split('val', 'class_folders', crops, files=files[:2]),
        ],
        'classification',
    )
    assert '2 images of val are in train, too' in report.findings[0].message


def test_a_cut_off_image_that_opencv_loads_is_wrong(people, monkeypatch):
    cut_off_image(people)
    upper = np.full((160, 192, 3), 128, np.uint8)
    upper[:80] = np.arange(192, dtype=np.uint8)[:, None]
    monkeypatch.setattr(
        'hrnet_mm.data_check.image_facts.read_image', lambda path: upper
    )
    monkeypatch.setattr('hrnet_mm.data_check.drawing.read_image', lambda path: upper)
    assert_only(coco(people), 'wrong', 'is cut off or damaged', FIRST)


def test_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match='use coco, panoptic, label_maps, class_folders'
    ):
        Split('train', 'voc', tmp_path)
