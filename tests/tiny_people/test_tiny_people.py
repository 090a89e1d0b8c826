"""TinyPeople on disk: standard, true to its own pictures, written once and whole."""

import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hrnet_mm.tiny_people import (
    CLASSES,
    KEYPOINTS,
    POSES,
    SKELETON,
    TinyPeople,
    dataset,
)
from hrnet_mm.tiny_people.contact_sheet import draw_contact_sheet

SIZE = WIDTH, HEIGHT = 96, 80
COUNT = 24
SMALL = TinyPeople(seed=1, image_size=SIZE, splits={'train': 2, 'val': 1})


def read(root: Path, split: str) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(root / 'annotations' / f'{split}.json'))


def files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob('*') if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def average_precision(truth: COCO, results: list[dict]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        score = COCOeval(truth, truth.loadRes(results), 'keypoints')
        score.evaluate()
        score.accumulate()
        score.summarize()
    return score.stats[0]


def as_result(annotation: dict, keypoints: np.ndarray) -> dict:
    flat = np.column_stack([keypoints[:, :2], np.ones(len(keypoints))]).ravel()
    keys = ('image_id', 'category_id')
    return {**{k: annotation[k] for k in keys}, 'keypoints': flat.tolist(), 'score': 1}


def keypoints_of(annotation: dict) -> np.ndarray:
    return np.reshape(annotation['keypoints'], (17, 3))


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = TinyPeople(seed=0, image_size=SIZE, splits={'train': COUNT})
    return drawn.write(tmp_path_factory.mktemp('data') / 'tiny')


@pytest.fixture(scope='module')
def coco(root: Path) -> COCO:
    return read(root, 'train')


@pytest.fixture
def labels(root: Path) -> dict[int, np.ndarray]:
    paths = sorted((root / 'labels' / 'train').iterdir())
    return {int(p.stem): cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in paths}


def test_annotations_are_those_of_a_coco_person_file(coco: COCO) -> None:
    (category,) = coco.loadCats(coco.getCatIds())
    assert category['name'] == 'person'
    assert category['id'] == 1
    assert category['keypoints'] == list(KEYPOINTS)
    assert category['skeleton'] == [list(bone) for bone in SKELETON]
    assert len(coco.imgs) == COUNT
    assert all(1 <= len(coco.imgToAnns[i]) <= 3 for i in coco.imgs)
    assert max(len(coco.imgToAnns[i]) for i in coco.imgs) > 1


def test_images_and_labels_exist_in_the_annotated_size(root: Path, coco: COCO) -> None:
    for image in coco.imgs.values():
        name = Path(image['file_name'])
        picture = cv2.imread(str(root / 'images' / 'train' / name))
        label = root / 'labels' / 'train' / name.with_suffix('.png')
        label_map = cv2.imread(str(label), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert label_map.shape == (HEIGHT, WIDTH) == (image['height'], image['width'])
        assert label_map.dtype == np.uint8


def test_every_class_is_somewhere_in_the_labels(labels: dict[int, np.ndarray]) -> None:
    assert set(np.unique(list(labels.values()))) == set(range(len(CLASSES)))


def test_labelled_joints_are_in_the_image_and_others_zero(coco: COCO) -> None:
    for annotation in coco.anns.values():
        x, y, v = keypoints_of(annotation).T
        assert set(v) <= {0, 1, 2}
        assert annotation['num_keypoints'] == (v > 0).sum() > 0
        assert ((x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)).all()
        assert not x[v == 0].any()
        assert not y[v == 0].any()
    bodies = [keypoints_of(annotation)[5:] for annotation in coco.anns.values()]
    assert any(body[:, 2].min() == 0 for body in bodies), 'nobody is cut off'


def test_visible_joints_are_on_their_person(coco: COCO) -> None:
    for annotation in coco.anns.values():
        # Polygons may be half a pixel off at the edge.
        mask = cv2.dilate(coco.annToMask(annotation), np.ones((3, 3)))
        for x, y, v in keypoints_of(annotation):
            assert v < 2 or mask[round(y), round(x)]


BONES = {
    'head': [('nose', 'nose'), ('left_eye', 'right_eye')],
    'torso': [('left_shoulder', 'right_hip'), ('right_shoulder', 'left_hip')],
    'arms': [('left_shoulder', 'left_elbow'), ('right_elbow', 'right_wrist')],
    'legs': [('right_hip', 'right_knee'), ('left_knee', 'left_ankle')],
}


@pytest.mark.parametrize('name', BONES)
def test_the_middle_of_a_bone_has_its_label(
    coco: COCO, labels: dict[int, np.ndarray], name: str
) -> None:
    for ends in BONES[name]:
        hits = []
        for annotation in coco.anns.values():
            bone = keypoints_of(annotation)[[KEYPOINTS.index(end) for end in ends]]
            if bone[:, 2].min() == 2:
                x, y = np.rint(bone[:, :2].mean(axis=0)).astype(int)
                hits.append(CLASSES[labels[annotation['image_id']][y, x]] == name)
        assert len(hits) > COUNT / 2
        assert np.mean(hits) > 0.7, ends  # else something is before it


def test_left_is_right_in_the_image_of_whoever_shows_a_face(coco: COCO) -> None:
    left, right = (KEYPOINTS.index(f'{side}_shoulder') for side in ('left', 'right'))
    front = {True: 0, False: 0}
    for annotation in coco.anns.values():
        points = keypoints_of(annotation)
        if (points[1:3, 2] > 0).all() and (points[[left, right], 2] > 0).all():
            front[bool(points[left, 0] > points[right, 0])] += 1
    assert front[True] > COUNT / 2
    assert front[False] == 0


def test_masks_boxes_areas_and_labels_agree(
    coco: COCO, labels: dict[int, np.ndarray]
) -> None:
    alone = 0
    for image_id, label_map in labels.items():
        annotations = coco.imgToAnns[image_id]
        masks = [coco.annToMask(annotation) for annotation in annotations]
        union, people = np.any(masks, axis=0), label_map > 0
        assert (union & people).sum() > 0.93 * (union | people).sum()
        assert sum(a['area'] for a in annotations) == people.sum()
        for annotation, mask in zip(annotations, masks, strict=True):
            assert mask.sum() == pytest.approx(annotation['area'], rel=0.06)
            extent = cv2.boundingRect(mask)
            np.testing.assert_allclose(annotation['bbox'], extent, atol=2)
        if len(annotations) == 1:
            alone += 1
            assert annotations[0]['bbox'] == list(cv2.boundingRect(people.astype('u1')))
    assert alone


def test_a_hole_in_a_mask_stays_a_hole(coco: COCO) -> None:
    disc = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (40, 40), 30, 1, -1)
    ring = cv2.circle(disc.copy(), (44, 38), 14, 0, -1)
    polygons = dataset.coco.mask_to_polygons(ring > 0)
    decoded = coco.annToMask({'image_id': 1, 'segmentation': polygons})
    assert (decoded != ring).sum() < 0.05 * ring.sum()


def test_crops_are_a_folder_of_images_by_pose(root: Path, coco: COCO) -> None:
    folders = sorted((root / 'crops' / 'train').iterdir())
    crops = [path for folder in folders for path in folder.iterdir()]
    assert [folder.name for folder in folders] == list(POSES) == sorted(POSES)
    assert len(crops) == len(coco.anns)
    assert len({path.name for path in crops}) == len(crops)
    side = dataset.CROP_SIZE
    assert cv2.imread(str(crops[0])).shape == (side, side, 3)


def test_true_joints_score_one(coco: COCO) -> None:
    results = [as_result(a, keypoints_of(a)) for a in coco.anns.values()]
    assert average_precision(coco, results) == pytest.approx(1)


def test_random_joints_in_the_true_box_score_nothing(coco: COCO) -> None:
    rng, results = np.random.default_rng(0), []
    for annotation in coco.anns.values():
        x, y, width, height = annotation['bbox']
        guess = rng.uniform((x, y), (x + width, y + height), size=(17, 2))
        results.append(as_result(annotation, guess))
    assert average_precision(coco, results) < 0.05


def test_swapped_sides_score_little(coco: COCO) -> None:
    swap = [0, *(i + (1 if i % 2 else -1) for i in range(1, 17))]
    results = [as_result(a, keypoints_of(a)[swap]) for a in coco.anns.values()]
    assert average_precision(coco, results) < 0.2


def test_same_seed_gives_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first = files(SMALL.write(tmp_path / 'first'))
    again = files(SMALL.write(tmp_path / 'again'))
    other = files(TinyPeople(2, SIZE, SMALL.splits).write(tmp_path / 'other'))
    name = 'images/train/000001.jpg'
    assert first == again
    assert first[name] != other[name]
    assert first[name] != first['images/val/000001.jpg']


def test_a_larger_split_begins_with_the_smaller_one(tmp_path: Path) -> None:
    few = SMALL.write(tmp_path / 'few')
    more = TinyPeople(1, SIZE, {'extra': 1, 'train': 3}).write(tmp_path / 'more')
    pictures = {k: v for k, v in files(few).items() if 'train/' in k}
    assert pictures.items() <= files(more).items()
    ours, theirs = read(few, 'train').anns, read(more, 'train').anns
    assert ours.items() <= theirs.items()


def test_second_write_changes_nothing(tmp_path: Path) -> None:
    root = SMALL.write(tmp_path / 'tiny')
    before = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
    calls: list[tuple[int, int]] = []
    assert SMALL.write(root, progress=lambda *call: calls.append(call)) == root
    assert not calls
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob('*')}


def test_progress_counts_the_images_of_all_splits(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    SMALL.write(tmp_path / 'tiny', progress=lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    root = tmp_path / 'empty'
    root.mkdir()
    assert (SMALL.write(root) / 'annotations' / 'val.json').is_file()


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').write_text('ten years')
    with pytest.raises(FileExistsError, match=r'thesis\.tex.*choose another folder'):
        SMALL.write(tmp_path)
    assert files(tmp_path) == {'thesis.tex': b'ten years'}


def test_other_parameters_are_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = SMALL.write(tmp_path / 'tiny')
    before = files(root)
    with pytest.raises(FileExistsError, match=r'seed is 1, not 5\. Remove it'):
        TinyPeople(5, SIZE, SMALL.splits).write(root)
    monkeypatch.setattr(dataset, 'DRAWING', dataset.DRAWING + 1)
    with pytest.raises(FileExistsError, match='drawing is 2, not 3'):
        SMALL.write(root)
    assert files(root) == before


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL.write(tmp_path / 'tiny', progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    root = tmp_path / 'tiny'

    def another_is_first(done: int, total: int) -> None:
        SMALL.write(root)

    assert SMALL.write(root, progress=another_is_first) == root
    assert json.loads((root / 'tiny_people.json').read_text())['seed'] == 1
    assert list(tmp_path.iterdir()) == [root]


@pytest.fixture
def depths(root: Path) -> dict[int, np.ndarray]:
    paths = sorted((root / 'depth' / 'train').iterdir())
    return {int(p.stem): cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in paths}


def test_depth_is_in_millimetres_and_figures_are_before_the_background(
    labels: dict[int, np.ndarray], depths: dict[int, np.ndarray]
) -> None:
    assert labels.keys() == depths.keys()
    for number, label_map in labels.items():
        depth, people = depths[number], label_map > 0
        assert depth.dtype == np.uint16
        assert depth.shape == label_map.shape
        rows = 1 / np.linspace(1 / 10_000, 1 / 5_000, HEIGHT)
        plane = np.broadcast_to(rows[:, None], depth.shape)
        assert np.abs(depth - plane)[~people].max() <= 1
        assert 500 < depth[people].min() < depth[people].max() < 5_000


def test_the_size_of_a_figure_tells_its_distance() -> None:
    data = TinyPeople(splits={'train': 1})
    scenes = [data.scene('train', number) for number in range(1, 40)]
    alone = [scene for scene in scenes if len(scene.people) == 1]
    standing = [s for s in alone if s.people[0].pose in ('standing', 'waving')]
    assert len(standing) > 4
    for scene in standing:
        mask = scene.people[0].mask
        extent = np.ptp(mask.any(axis=1).nonzero())
        if mask[[0, -1]].any():  # cut off
            continue
        expected = 1.7 * 160 / extent
        assert np.median(scene.depth[mask]) == pytest.approx(expected, rel=0.25)


def test_a_figure_before_another_one_is_at_most_as_far_away() -> None:
    data = TinyPeople(crowd=True)
    hidden = 0
    for number in range(1, 15):
        scene = data.scene('train', number)
        for i, front in enumerate(scene.people):
            for behind in scene.people[:i]:
                touch = cv2.dilate(front.mask.astype('u1'), np.ones((3, 3))) > 0
                if (touch & behind.mask).any():
                    hidden += 1
                    near, far = (
                        np.median(scene.depth[person.mask])
                        for person in (front, behind)
                    )
                    assert near < far * 1.25  # limbs point to the viewer, or away
    assert hidden > 5


def test_a_crowd_has_small_and_large_figures_that_hide_each_other() -> None:
    crowd = TinyPeople(crowd=True)
    scenes = [crowd.scene('train', number) for number in range(1, 9)]
    assert all(2 <= len(scene.people) <= 4 for scene in scenes)
    assert len({len(scene.people) for scene in scenes}) > 1
    heights = [np.ptp(p.mask.any(axis=1).nonzero()) for s in scenes for p in s.people]
    assert max(heights) > 1.5 * min(heights)
    overlaps = 0
    for scene in scenes:
        for i, a in enumerate(scene.people):
            for b in scene.people[i + 1 :]:
                overlaps += np.logical_and(around(a.mask), around(b.mask)).any()
    assert overlaps > len(scenes)


def around(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) > 0


def test_a_crowd_is_not_taken_for_a_few_people(tmp_path: Path) -> None:
    SMALL.write(tmp_path / 'few')
    card = tmp_path / 'few/tiny_people.json'
    old = {k: v for k, v in json.loads(card.read_text()).items() if k != 'crowd'}
    card.write_text(json.dumps(old))
    SMALL.write(tmp_path / 'few')
    crowd = TinyPeople(seed=1, image_size=SIZE, splits=SMALL.splits, crowd=True)
    with pytest.raises(FileExistsError, match='crowd is False, not True'):
        crowd.write(tmp_path / 'few')


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'seed': -1}, 'seed must be 0 or more, got -1'),
        ({'image_size': (640, 32)}, r'at least 64 x 64, got \(640, 32\)'),
        ({'splits': {'train': 0}}, "'train': 0"),
        ({'splits': {'../up': 1}}, "'../up': 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TinyPeople(**wrong)


@pytest.mark.parametrize('size', [(64, 64), (64, 200), (300, 100)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    scene = TinyPeople(image_size=size).scene('train', 1)
    assert scene.image.shape[1::-1] == size
    assert scene.people


def test_contact_sheet_shows_image_skeletons_and_labels(root: Path) -> None:
    sheet = draw_contact_sheet(root, 'train', n=2)
    height, width = sheet.shape[0] // 3, sheet.shape[1] // 2
    image, annotated, classes = (sheet[i * height : (i + 1) * height] for i in range(3))
    assert width > WIDTH
    assert (image != annotated).any()
    assert len(np.unique(classes.reshape(-1, 3), axis=0)) == len(CLASSES) + 1  # frame
