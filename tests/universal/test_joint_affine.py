"""Images and the labels of all tasks move together."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')

from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks
from mmpose.datasets.transforms import BottomupRandomAffine
from pycocotools import mask as coco_mask

from hrnet_mm.det.transforms import Bitmaps
from hrnet_mm.pose import BottomupRandomFlip, CrowdMask
from hrnet_mm.universal import JointAffine

HEIGHT, WIDTH = 90, 120
LEFT, TOP, RIGHT, BOTTOM = 40, 30, 80, 60  # edges of a rectangle near the centre
STILL = dict(scale=(1, 1), rotate=0, shift=0, flip=0)
MIRROR = dict(STILL, flip=1)
ANY = dict(scale=(0.7, 1.4), rotate=40, shift=0.1)
SIZES = [(WIDTH, HEIGHT), (64, 96), (150, 100)]


def rectangle(*edges: int) -> np.ndarray:
    left, top, right, bottom = edges
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    inside[top:bottom, left:right] = 1
    return inside


def objects(*edges: tuple[int, ...], outlined: bool = True) -> dict[str, Any]:
    """Objects of MMDetection by the edges of rectangles; every second is a crowd."""
    labels = dict(
        gt_bboxes=HorizontalBoxes(np.reshape(edges, (-1, 4)).astype(np.float32)),
        gt_bboxes_labels=np.arange(len(edges)),
        gt_ignore_flags=np.arange(len(edges)) % 2 > 0,
    )
    if outlined:
        masks = np.array([rectangle(*it) for it in edges], np.uint8)
        masks = masks.reshape(-1, HEIGHT, WIDTH)
        labels['gt_masks'] = Bitmaps(masks, HEIGHT, WIDTH)
    return labels


def joints(*people: list[tuple[float, float]]) -> dict[str, Any]:
    """People of MMPose with a left keypoint and a right one, which is not labelled."""
    count = len(people)
    return dict(
        keypoints=np.array(people, np.float32).reshape(-1, 2, 2),
        keypoints_visible=np.array([[1, 0]] * count, np.float32).reshape(-1, 2),
        bbox=np.array([[LEFT, TOP, RIGHT, BOTTOM]] * count, np.float32).reshape(-1, 4),
        area=np.full(count, 1200, np.float32),
        flip_indices=[1, 0],
    )


def sample(**tasks: dict[str, Any]) -> dict[str, Any]:
    inside = rectangle(LEFT, TOP, RIGHT, BOTTOM)
    image = np.repeat(255 * inside[..., None], 3, axis=2)
    return dict(img=image, img_shape=(HEIGHT, WIDTH), tasks=tasks)


def everything() -> dict[str, Any]:
    inside = rectangle(LEFT, TOP, RIGHT, BOTTOM)
    edges = (LEFT, TOP, RIGHT, BOTTOM)
    centre = (LEFT + RIGHT - 1) / 2, (TOP + BOTTOM - 1) / 2
    return sample(
        objects=objects(edges),
        boxes=objects(edges, outlined=False),
        joints=joints([centre, (LEFT, TOP)]),
        parts=dict(gt_seg_map=inside.copy()),
        depth=dict(gt_depth_map=inside.astype(np.float32) * 3.5),
        far=dict(gt_depth_map=inside.astype(np.uint16) * 1000),
        segments=dict(gt_seg_map=np.stack([inside * it for it in (7, 0, 9)], axis=-1)),
    )


def same(a: Any, b: Any) -> bool:
    if hasattr(a, 'tensor'):
        a, b = a.tensor, b.tensor
    if hasattr(a, 'masks'):
        a, b = a.masks, b.masks
    return np.array_equal(a, b)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('seed', range(8))
def test_all_labels_stay_together(size, seed):
    np.random.seed(seed)
    moved = JointAffine(size, **ANY)(everything())
    tasks = moved['tasks']
    (mask,) = tasks['objects']['gt_masks'].masks
    assert moved['img'].shape == (size[1], size[0], 3)
    assert moved['img_shape'] == mask.shape == (size[1], size[0])
    assert 100 < mask.sum() < mask.size
    # pixels: the same ones in every map
    assert same(tasks['parts']['gt_seg_map'] == 1, mask == 1)
    # what looks twice as large is half as far away
    larger = np.linalg.norm(moved['warp_mat'][:, 0])
    depth, far = (tasks[name]['gt_depth_map'] for name in ('depth', 'far'))
    assert np.allclose(larger * depth, 3.5 * mask, rtol=1e-5)
    assert np.allclose(larger * far, 1000.0 * mask, rtol=1e-5)
    assert same(tasks['segments']['gt_seg_map'][..., 2], mask * 9)
    # the image, up to its interpolated border
    border = cv2.dilate(mask, np.ones((3, 3))) - cv2.erode(mask, np.ones((3, 3)))
    unlike = (moved['img'][..., 0] > 127) != mask
    assert not (unlike & (border == 0)).any()
    # boxes
    rows, columns = np.nonzero(mask)
    bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert tasks['objects']['gt_bboxes'].tensor[0].tolist() == bounds
    box = tasks['boxes']['gt_bboxes'].tensor[0].numpy()
    assert np.abs(box - bounds).max() <= 1.5
    # keypoints: the centre and a corner, which change their names in a mirror
    centre, corner = tasks['joints']['keypoints'][0][:: -1 if moved['flip'] else 1]
    whole = box[0] > 0 < box[1] and (box[2:] < size).all()
    if whole:
        assert np.abs(centre - [columns.mean(), rows.mean()]).max() < 0.6
    if (corner > 1).all() and (corner < np.array(size) - 2).all():
        x, y = np.rint(corner).astype(int)
        assert cv2.dilate(mask, np.ones((3, 3)))[y, x]
        assert not cv2.erode(mask, np.ones((5, 5)))[y, x]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('end', [0, 1])
@pytest.mark.parametrize('flip', [0, 1])
def test_mmpose_sees_what_its_own_transforms_make(monkeypatch, size, end, flip):
    """At both ends of the distributions."""
    original = sample(joints=joints([(50, 40), (70, 50)]))
    affine = BottomupRandomAffine(
        size,
        shift_factor=0.1,
        scale_factor=(0.7, 1.4),
        rotate_factor=40,
        distribution='uniform',
    )
    monkeypatch.setattr(
        affine,
        '_random',
        lambda low=-1, high=1, size=(): np.full(size, (low, high)[end]),
    )
    monkeypatch.setattr(
        np.random,
        'uniform',
        lambda low, high, size=(): np.full(size, (low, high)[end]),
    )
    alone = {key: original[key].copy() for key in ('img',)}
    alone |= dict(img_shape=original['img_shape'], **joints([(50, 40), (70, 50)]))
    theirs = affine(alone)
    theirs = BottomupRandomFlip(prob=float(flip), direction='horizontal')(theirs)
    mine = JointAffine(size, **ANY, flip=flip)(original)
    mine |= mine['tasks']['joints']
    assert np.abs(mine['warp_mat'] - theirs['warp_mat']).max() < 1e-4
    assert np.abs(mine['img'].astype(int) - theirs['img']).max() <= 8  # of 255
    for key in ('keypoints', 'keypoints_visible', 'bbox'):
        assert mine[key].shape == theirs[key].shape
        assert np.abs(mine[key] - theirs[key]).max() < 1e-3
    assert mine['area'] == pytest.approx(theirs['area'], rel=1e-4)
    for key in ('input_size', 'flip', 'flip_direction', 'img_shape'):
        assert mine[key] == theirs[key]


def test_nothing_changes_without_a_change():
    moved, given = JointAffine((WIDTH, HEIGHT), **STILL)(everything()), everything()
    assert same(moved['img'], given['img'])
    assert (moved['flip'], moved['flip_direction']) == (False, None)
    for name, labels in given['tasks'].items():
        for key in labels.keys() - {'bbox', 'flip_indices'}:
            assert same(moved['tasks'][name][key], labels[key]), (name, key)


def test_left_and_right_change_places_in_a_mirror():
    labels = rectangle(0, 0, 10, HEIGHT) + 2 * rectangle(100, 0, 120, HEIGHT)
    given = sample(
        objects=objects((0, 0, 10, 20), (100, 30, 120, 90)),
        joints=joints([(5, 7), (110, 50)]),
        parts=dict(gt_seg_map=labels),
        others=dict(gt_seg_map=labels.copy()),
    )
    pairs = dict(parts=[(1, 2)])
    moved = JointAffine((WIDTH, HEIGHT), **MIRROR, label_pairs=pairs)(given)
    assert moved['flip_direction'] == 'horizontal'
    assert same(moved['img'], given['img'][:, ::-1])
    tasks = moved['tasks']
    assert same(tasks['others']['gt_seg_map'], labels[:, ::-1])
    assert same(tasks['parts']['gt_seg_map'], np.array([0, 2, 1])[labels[:, ::-1]])
    person = tasks['joints']
    assert person['keypoints'][0].tolist() == [[119 - 110, 50], [119 - 5, 7]]
    assert person['keypoints_visible'][0].tolist() == [0, 1]
    boxes = tasks['objects']['gt_bboxes'].tensor.tolist()
    assert boxes == [[110, 0, 120, 20], [0, 30, 20, 90]]
    masks = given['tasks']['objects']['gt_masks'].masks
    assert same(tasks['objects']['gt_masks'].masks, masks[..., ::-1])


@pytest.mark.parametrize('outlined', [True, False])
def test_instances_that_leave_the_image_are_removed(outlined):
    middle, corner, edge = (50, 40, 70, 50), (0, 0, 20, 20), (20, 30, 50, 60)
    given = sample(
        objects=objects(corner, middle, edge, corner, outlined=outlined),
        joints=joints([(5, 5), (9, 9)]),
    )
    zoomed = JointAffine((WIDTH, HEIGHT), **dict(STILL, scale=(0.5, 0.5)))(given)
    kept = zoomed['tasks']['objects']
    assert kept['gt_bboxes_labels'].tolist() == [1, 2]
    assert kept['gt_ignore_flags'].tolist() == [True, False]
    wanted = [[40, 35, 80, 55], [0, 15, 40, 75]]
    assert np.abs(kept['gt_bboxes'].tensor.numpy() - wanted).max() <= 1
    assert not outlined or len(kept['gt_masks']) == 2
    # MMPose keeps people outside; its codecs ignore their keypoints
    assert (zoomed['tasks']['joints']['keypoints'][0] < 0).all()


def test_an_instance_whose_mask_leaves_is_removed():
    """Also if its box does not leave the image."""
    given = sample(objects=objects((0, 0, 70, 60), (40, 30, 80, 60)))
    given['tasks']['objects']['gt_masks'].masks[0, 5:, 5:] = 0
    zoomed = JointAffine((WIDTH, HEIGHT), **dict(STILL, scale=(0.5, 0.5)))(given)
    assert zoomed['tasks']['objects']['gt_bboxes_labels'].tolist() == [1]


@pytest.mark.parametrize('outlined', [True, False])
def test_an_image_without_instances_stays_one(outlined):
    given = sample(objects=objects(outlined=outlined), joints=joints())
    moved = JointAffine((64, 96), **ANY)(given)['tasks']
    assert moved['objects']['gt_bboxes'].tensor.shape == (0, 4)
    assert not outlined or moved['objects']['gt_masks'].masks.shape == (0, 96, 64)
    assert moved['joints']['keypoints'].shape == (0, 2, 2)
    assert moved['joints']['bbox'].shape == (0, 4, 2)


def test_a_crowd_without_an_outline_keeps_its_box():
    given = sample(objects=objects((10, 10, 30, 30), (40, 30, 80, 60)))
    given['tasks']['objects']['gt_masks'].masks[1] = 0
    moved = JointAffine((WIDTH, HEIGHT), **MIRROR)(given)['tasks']['objects']
    assert moved['gt_bboxes'].tensor.tolist() == [[90, 10, 110, 30], [40, 30, 80, 60]]


@pytest.mark.parametrize('seed', range(4))
def test_polygons_become_bitmaps(seed):
    outline = np.array([LEFT, TOP, RIGHT, TOP, RIGHT, BOTTOM, LEFT, BOTTOM], float)
    edges = (LEFT, TOP, RIGHT, BOTTOM)
    polygons = PolygonMasks([[outline]], HEIGHT, WIDTH)
    given = sample(
        polygons=dict(objects(edges), gt_masks=polygons), bitmaps=objects(edges)
    )
    np.random.seed(seed)
    moved = JointAffine((64, 96), **ANY)(given)['tasks']
    assert same(moved['polygons']['gt_masks'], moved['bitmaps']['gt_masks'])


def test_the_border_has_no_label():
    shown = JointAffine((WIDTH, HEIGHT), **dict(STILL, scale=(2, 2)))
    given = everything()
    given['tasks']['own'] = dict(
        gt_seg_map=rectangle(LEFT, TOP, RIGHT, BOTTOM), ignore_index=9
    )
    tasks = shown(given)['tasks']
    assert tasks['parts']['gt_seg_map'][0, 0] == 255
    assert tasks['own']['gt_seg_map'][0, 0] == 9
    assert tasks['depth']['gt_depth_map'][0, 0] == 0
    assert tasks['segments']['gt_seg_map'][0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize('seed', range(6))
def test_crowds_are_masked_where_they_move(seed):
    edges = (70, 5, 110, 40)
    crowd = coco_mask.encode(np.asfortranarray(rectangle(*edges)))
    given = sample(
        objects=objects((10, 10, 20, 20), edges),
        joints=dict(joints(), invalid_segs=[crowd], heatmaps=np.zeros((2, 96, 128))),
        parts=dict(gt_seg_map=np.zeros((HEIGHT, WIDTH), np.uint8)),
    )
    np.random.seed(seed)
    moved = JointAffine((128, 96), **ANY)(given)
    (mask,) = CrowdMask()(moved | moved['tasks']['joints'])['heatmap_mask']
    objects_ = moved['tasks']['objects']
    ignored = objects_['gt_masks'].masks[objects_['gt_ignore_flags']].any(axis=0)
    ignored |= moved['tasks']['parts']['gt_seg_map'] == 255
    assert 100 < ignored.sum() < 0.9 * ignored.size
    assert np.mean(mask == ignored) < 0.03  # borders, which are interpolated


def test_other_labels_are_refused():
    given = sample(edges=dict(gt_edge_map=rectangle(0, 0, 5, 5)))
    with pytest.raises(ValueError, match='cannot move gt_edge_map of the task edges'):
        JointAffine((64, 64))(given)


@pytest.mark.parametrize('bad', [dict(scale=(2, 1)), dict(scale=(0, 1)), dict(flip=2)])
def test_arguments_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match='of JointAffine must be'):
        JointAffine((64, 64), **bad)
