"""Panoptic-DeepLab against slow, direct forms of its targets, losses and grouping."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmdet')

from mmdet.structures import DetDataSample
from mmengine.structures import PixelData

from hrnet_mm import HRNet
from hrnet_mm.det import (
    CityscapesPanoptic,
    DeepLabInstanceHead,
    DeepLabSemanticHead,
    LoadPanopticObjects,
    LoadSegments,
    NoTTAModel,
    PackPanopticTargets,
    PanopticDeepLab,
    PanopticInstanceMetric,
    PanopticVisualizer,
    TinyPanoptic,
    grouping,
)
from hrnet_mm.det.grouping import find_centres, merge_segments
from hrnet_mm.det.panoptic_targets import panoptic_targets

WIDTHS = {'w18_small_v1': 16, 'w18': 18, 'w32': 32, 'w48': 48}
HEIGHT, WIDTH = 40, 56


def widths(arch: str) -> list[int]:
    return [WIDTHS[arch] << i for i in range(4)]


# of the layers of detectron2's version, with 19 classes
@pytest.mark.parametrize(
    ('arch', 'separable', 'heads', 'total'),
    [
        ('w18_small_v1', True, 1686838, 3164758),
        ('w18', True, 1731542, 11293802),
        ('w32', True, 2044470, 31350006),
        ('w48', True, 2402102, 67727222),
        ('w18_small_v1', False, 9488758, 10966678),
        ('w48', False, 13332854, 78657974),
    ],
)
def test_sizes_are_those_of_the_authors(arch, separable, heads, total):
    with torch.device('meta'):
        parts = [
            DeepLabSemanticHead(widths(arch), 19, separable=separable),
            DeepLabInstanceHead(widths(arch), separable=separable),
        ]
        trunk = HRNet(arch)
    count = [sum(p.numel() for p in part.parameters()) for part in [*parts, trunk]]
    assert sum(count[:2]) == heads
    assert sum(count) == total


def segment(number: int, category: int, **kind: bool) -> dict:
    return dict(dict(is_thing=False, crowd=False), id=number, category=category, **kind)


CASES = ['no instance', 'one pixel', 'touching', 'crowd', 'ignored', 'border', 'random']


def draw(case: str) -> tuple[np.ndarray, list[dict]]:
    """Return ids, (H, W), and segments; classes 0 and 1 are things, 2 and 3 stuff."""
    rng = np.random.default_rng(CASES.index(case))
    ids = np.full((HEIGHT, WIDTH), 50)
    segments = [segment(50, 2), segment(60, 3), segment(70, 0, is_thing=True)]
    ids[30:] = 60
    boxes = {
        'one pixel': [(12, 13, 20, 21)],
        'touching': [(10, 20, 10, 20), (10, 20, 20, 30)],
        'crowd': [(5, 20, 5, 20), (5, 20, 25, 40)],
        'ignored': [(10, 20, 10, 20)],
        'border': [(0, 4, 0, 9), (36, 40, 50, 56)],
        'random': [tuple(np.sort(rng.integers(0, 40, 2))) * 2 for _ in range(6)],
    }
    for number, (top, bottom, left, right) in enumerate(boxes.get(case, []), start=1):
        ids[top:bottom, left:right] = number
        crowd = case == 'crowd' and number == 2
        segments.append(segment(number, number % 2, is_thing=not crowd, crowd=crowd))
    if case == 'ignored':
        ids[:8] = 99  # in no segment
        ids[12:14] = 0  # void
    return ids, segments


def slow_targets(ids: np.ndarray, segments: list[dict], sigma: float) -> dict:
    shape = ids.shape
    out = dict(
        sem_seg=np.full(shape, 255),
        weight=np.ones(shape),
        centre=np.zeros(shape),
        counts=np.zeros(shape),
        offset=np.zeros((2, *shape)),
        in_instance=np.zeros(shape),
    )
    reach = 3 * sigma + 1
    for it in segments:
        pixels = [*zip(*np.nonzero(ids == it['id']), strict=True)]
        middle = np.mean(pixels, axis=0) if pixels else (0, 0)
        for y, x in pixels:
            out['sem_seg'][y, x] = it['category']
            out['counts'][y, x] = not it['crowd']
            if it['is_thing']:
                out['in_instance'][y, x] = 1
                out['offset'][:, y, x] = middle[0] - y, middle[1] - x
                out['weight'][y, x] = 3 if len(pixels) < 60 else 1
        if not (it['is_thing'] and pixels):
            continue
        row, column = (round(float(m)) for m in middle)
        for y in range(shape[0]):
            for x in range(shape[1]):
                dy, dx = y - row, x - column
                if max(abs(dy), abs(dx)) <= reach:
                    heat = np.exp(-(dy * dy + dx * dx) / (2 * sigma**2))
                    out['centre'][y, x] = max(out['centre'][y, x], heat)
    return out


@pytest.mark.parametrize('case', CASES)
def test_targets_are_those_of_a_direct_form(case):
    ids, segments = draw(case)
    got = panoptic_targets(ids, segments, sigma=3, small_area=60)
    wanted = slow_targets(ids, segments, sigma=3)
    assert got.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(got[name], values, atol=1e-5, err_msg=name)


@pytest.mark.parametrize('case', CASES[:-1])
def test_exact_outputs_give_back_the_truth(case):
    ids, segments = draw(case)
    targets = panoptic_targets(ids, segments, sigma=2)
    labels = torch.from_numpy(targets['sem_seg']).long()
    # what a network answers for crowds and pixels without a label does not count
    labels[torch.from_numpy(targets['counts']) == 0] = 2
    found = merge_segments(
        labels,
        torch.from_numpy(targets['centre']),
        torch.from_numpy(targets['offset']),
        things=2,
        classes=4,
        kernel=3,
        stuff_area=1,
    ).numpy()
    for it in segments:
        mask = ids == it['id']
        if it['is_thing'] and mask.any():
            (number,) = np.unique(found[mask])
            assert number % 1000 == it['category']
            assert number >= 1000
            assert (found == number).sum() == mask.sum()
        elif not it['crowd'] and mask.any():
            assert {*np.unique(found[mask]).tolist()} == {it['category']}


def slow_peaks(heat: np.ndarray, kernel: int, top_k: int) -> list[tuple]:
    half, peaks = kernel // 2, []
    for y, x in np.ndindex(heat.shape):
        rows = slice(max(y - half, 0), y + half + 1)
        window = heat[rows, max(x - half, 0) : x + half + 1]
        if heat[y, x] > 0.1 and heat[y, x] == window.max():
            peaks.append((heat[y, x], y, x))
    if len(peaks) < top_k:
        return peaks
    last = sorted(peaks, reverse=True)[top_k - 1][0]
    return [it for it in peaks if it[0] > last]


def slow_merge(
    labels: np.ndarray, heat: np.ndarray, offset: np.ndarray, **how: int
) -> np.ndarray:
    """Panoptic-DeepLab, section 3.3, pixel by pixel."""
    peaks = slow_peaks(heat, how['kernel'], how['top_k'])
    owner = np.full(labels.shape, -1)
    for y, x in zip(*np.nonzero(labels < how['things']), strict=True):
        ty, tx = y + offset[0, y, x], x + offset[1, y, x]
        owner[y, x] = np.argmin([(a - ty) ** 2 + (b - tx) ** 2 for _, a, b in peaks])
    out = np.full(labels.shape, how['classes'])
    for i in np.unique(owner[owner >= 0]):
        mine = owner == i
        out[mine] = np.bincount(labels[mine]).argmax() + 1000 * (i + 1)
    for label in range(how['things'], how['classes']):
        if (labels == label).sum() >= how['stuff_area']:
            out[labels == label] = label
    return out


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('top_k', [200, 3])
def test_grouping_is_that_of_a_direct_form(seed, top_k, monkeypatch):
    monkeypatch.setattr(grouping, 'CHUNK', 100)  # many parts
    rng = np.random.default_rng(seed)
    heat = F.avg_pool2d(torch.from_numpy(rng.random((1, 24, 32))).float(), 5, 1, 2)[0]
    heat = (heat - heat.min()) / (heat.max() - heat.min())
    labels = torch.from_numpy(rng.choice(5, (24, 32), p=[0.2, 0.2, 0.3, 0.25, 0.05]))
    offset = torch.from_numpy(rng.normal(0, 4, (2, 24, 32))).float()
    settings = dict(things=2, classes=5, kernel=7, top_k=top_k, stuff_area=100)
    got = merge_segments(labels, heat, offset, **settings)
    wanted = slow_merge(labels.numpy(), heat.numpy(), offset.numpy(), **settings)
    assert (wanted < 5).any()
    assert (wanted == 5).any()
    np.testing.assert_array_equal(got.numpy(), wanted)


def test_things_without_a_centre_are_void():
    labels = torch.zeros(8, 8, dtype=torch.long)
    found = merge_segments(
        labels, torch.zeros(8, 8), torch.zeros(2, 8, 8), things=1, classes=2
    )
    assert (found == 2).all()
    assert len(find_centres(torch.zeros(8, 8), 0.1, 7, 200)) == 0


def batch(cases: list[str]) -> list[DetDataSample]:
    samples = []
    for case in cases:
        ids, segments = draw(case)
        targets = panoptic_targets(ids, segments, sigma=3, small_area=60)
        fields = {
            k: torch.from_numpy(v).reshape(-1, *v.shape[-2:])
            for k, v in targets.items()
        }
        fields['sem_seg'] = fields['sem_seg'].long()
        samples.append(DetDataSample(gt_sem_seg=PixelData(**fields)))
        samples[-1].set_metainfo(
            dict(img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH))
        )
    return samples


def model(semantic_head: dict | None = None, **options: object) -> PanopticDeepLab:
    torch.manual_seed(0)
    small = dict(in_channels=widths('w18_small_v1'), channels=16, aspp_channels=16)
    aspp = dict(small, type='hrnet_mm.DeepLabSemanticHead', dropout=0)
    return PanopticDeepLab(
        backbone=dict(type='hrnet_mm.HRNet', arch='w18_small_v1', precision='float32'),
        semantic_head=semantic_head or aspp,
        instance_head=dict(small, type='hrnet_mm.DeepLabInstanceHead', dropout=0),
        num_things_classes=2,
        num_stuff_classes=2,
        **options,
    )


@pytest.mark.parametrize('case', CASES)
def test_losses_are_those_of_a_direct_form(case):
    net, samples = model(), batch([case, 'random'])
    images = torch.randn(2, 3, HEIGHT, WIDTH)
    with torch.no_grad():
        got = net.loss(images, samples)
        logits, centre, offset = net._forward(images)
    truth = net._stack(samples, images.shape[-2:])
    losses, squares, distances, counts, inside = [], 0.0, 0.0, 0.0, 0.0
    for n in range(2):
        for y in range(HEIGHT):
            for x in range(WIDTH):
                label = int(truth['sem_seg'][n, 0, y, x])
                chances = logits[n, :, y, x].softmax(0)
                weight = truth['weight'][n, 0, y, x]
                losses.append(
                    0.0 if label == 255 else float(-chances[label].log() * weight)
                )
                here = truth['counts'][n, 0, y, x]
                squares += (
                    here * (centre[n, 0, y, x] - truth['centre'][n, 0, y, x]) ** 2
                )
                counts += here
                here = truth['in_instance'][n, 0, y, x]
                far = (offset[n, :, y, x] - truth['offset'][n, :, y, x]).abs().sum()
                distances, inside = distances + here * far, inside + here
    hardest = sorted(losses, reverse=True)[: int(0.2 * len(losses))]
    assert float(got['loss_semantic']) == pytest.approx(np.mean(hardest), rel=1e-4)
    assert float(got['loss_centre']) == pytest.approx(
        float(200 * squares / counts), rel=1e-4
    )
    assert float(got['loss_offset']) == pytest.approx(
        float(0.01 * distances / inside), rel=1e-4
    )


def test_ocr_replaces_aspp():
    pytest.importorskip('hrnet_mm.seg')
    torch.manual_seed(0)
    net = model(
        semantic_head=dict(
            type='hrnet_mm.OCRSemanticHead',
            in_channels=widths('w18_small_v1'),
            channels=32,
            ocr_channels=16,
        )
    )
    losses = net.loss(torch.randn(2, 3, HEIGHT, WIDTH), batch(['random', 'ignored']))
    sum(losses.values()).backward()
    assert losses['loss_semantic_first'] > 0
    assert all(p.grad is not None for p in net.semantic_head.parameters())
    with torch.no_grad():
        logits, *_ = net.eval()._forward(torch.randn(1, 3, HEIGHT, WIDTH))
    assert logits.shape == (1, 4, HEIGHT, WIDTH)


def test_without_an_instance_the_loss_of_offsets_is_0():
    got = model().loss(torch.randn(1, 3, HEIGHT, WIDTH), batch(['no instance']))
    assert got['loss_offset'] == 0
    sum(got.values()).backward()


def test_a_batch_of_several_sizes_is_refused():
    with pytest.raises(ValueError, match='needs one size: end the training pipeline'):
        model().loss(torch.randn(1, 3, HEIGHT, WIDTH + 8), batch(['border']))


def test_samples_without_targets_are_refused():
    with pytest.raises(ValueError, match='pack the training images with'):
        model().loss(torch.randn(1, 3, HEIGHT, WIDTH), [DetDataSample()])


@pytest.mark.parametrize('size', [(HEIGHT, WIDTH), (37, 51)])
def test_predictions_have_the_size_of_the_original_image(size):
    net, samples = model().eval(), batch(['border'])
    samples[0].set_metainfo(dict(img_shape=size, ori_shape=(80, 112)))
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        net.instance_head.centre_predictor.bias += 1
        (found,) = net.predict(images, samples)
    assert found.pred_panoptic_seg.sem_seg.shape == (1, 80, 112)
    assert found.pred_sem_seg.sem_seg.shape == (1, 80, 112)
    objects = found.pred_instances
    assert objects.masks.shape[1:] == (80, 112)
    assert len(objects.scores) == len(objects.labels) == len(objects.bboxes)


def test_offsets_are_scaled_with_the_image():
    """A network that is right at half size is right at the original size."""
    ids, segments = draw('touching')
    targets = panoptic_targets(ids, segments, sigma=2)
    chances = F.one_hot(torch.from_numpy(targets['sem_seg']).long(), 4) * 20.0
    slope = torch.arange(HEIGHT * WIDTH).reshape(1, HEIGHT, WIDTH) * 1e-5
    maps = [chances.permute(2, 0, 1), torch.from_numpy(targets['centre']) + slope]
    maps.append(torch.from_numpy(targets['offset']))
    net = model(test_cfg=dict(kernel=3, stuff_area=1))
    net._forward = lambda images: [it[None].float() for it in maps]
    (sample,) = batch(['touching'])
    sample.set_metainfo(dict(ori_shape=(4 * HEIGHT, 4 * WIDTH)))
    (found,) = net.predict(torch.zeros(1, 3, HEIGHT, WIDTH), [sample])
    areas = found.pred_instances.masks.sum(dim=(1, 2)).tolist()
    assert areas == pytest.approx([1600, 1600], rel=0.05)


@pytest.mark.parametrize('number', [0, 1000, 2])  # stuff, an instance, void
def test_an_image_of_one_segment_or_none_is_drawn(number):
    drawer = PanopticVisualizer()
    drawer.dataset_meta = TinyPanoptic.METAINFO
    found = PixelData(sem_seg=torch.full((1, 8, 8), number))
    image = np.full((8, 8, 3), 100, np.uint8)
    sample = DetDataSample(pred_panoptic_seg=found)
    drawer.add_datasample('a', image, sample, draw_gt=False)
    drawn = drawer.get_image()
    assert (drawn.max() < 20) == (number == 2)


def test_packing_needs_the_segments():
    with pytest.raises(ValueError, match='LoadSegments'):
        PackPanopticTargets().transform(dict(img_path='a.jpg', segments_info=[]))


def write_panoptic(root: Path, categories: list[dict], **entry: object) -> dict:
    """Write a panoptic file of one image without files; return arguments."""
    (root / 'images').mkdir(parents=True)
    (root / 'maps').mkdir()
    image = dict(id=1, file_name='a_1_gtFine_leftImg8bit.png', height=4, width=6)
    segment = dict(id=7, category_id=5, bbox=[0, 0, 2, 2], area=4, iscrowd=0)
    truth = dict(image_id=1, file_name='other.png', segments_info=[segment])
    content = dict(images=[image], annotations=[truth | entry], categories=categories)
    (root / 'truth.json').write_text(json.dumps(content))
    return dict(
        data_root=str(root),
        ann_file='truth.json',
        data_prefix=dict(img='images/', seg='maps/'),
        pipeline=[],
    )


KINDS = [
    dict(id=3, name='background', isthing=0),
    dict(id=5, name='person', isthing=1),
]


def test_labels_are_indices_of_the_classes_in_any_order_of_the_file(tmp_path):
    data = TinyPanoptic(**write_panoptic(tmp_path, KINDS))
    sample = data.get_data_info(0)
    assert sample['segments_info'] == [segment(7, 0, is_thing=True)]
    assert sample['instances'] == [dict(bbox=[0, 0, 2, 2], bbox_label=0, ignore_flag=0)]
    assert sample['seg_map_path'] == str(tmp_path / 'maps/other.png')


def test_images_of_cityscapes_are_found_by_the_names_of_its_panoptic_file(tmp_path):
    things = CityscapesPanoptic.things
    kinds = [
        dict(id=i, name=name, isthing=int(name in things))
        for i, name in enumerate(CityscapesPanoptic.METAINFO['classes'][::-1])
    ]
    data = CityscapesPanoptic(**write_panoptic(tmp_path, kinds))
    sample = data.get_data_info(0)
    assert sample['img_path'] == str(tmp_path / 'images/a/a_1_leftImg8bit.png')
    assert data.metainfo['classes'][sample['segments_info'][0]['category']] == 'pole'


@pytest.mark.parametrize(
    ('kinds', 'said'),
    [
        (KINDS[:1], 'person'),
        ([*KINDS, dict(id=9, name='dog', isthing=1)], 'dog'),
        ([KINDS[0], dict(KINDS[1], isthing=0)], 'the stuff background, person'),
    ],
)
def test_other_categories_than_the_classes_are_refused(kinds, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        TinyPanoptic(**write_panoptic(tmp_path, kinds))


@pytest.mark.parametrize(
    ('name', 'entries'),
    [
        ('annotations', [dict(id=1, image_id=1, bbox=[0, 0, 2, 2])]),
        ('categories', [dict(id=1, name='person')]),
        ('categories', None),
    ],
)
def test_files_of_another_format_are_refused(name, entries, tmp_path):
    where = write_panoptic(tmp_path, KINDS)
    content = json.loads((tmp_path / 'truth.json').read_text())
    content[name] = entries
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f'`{name}` must be a list of entries'):
        TinyPanoptic(**where)


def test_check_reads_segments_as_objects(tmp_path):
    write_panoptic(tmp_path, KINDS)
    content = CityscapesPanoptic.reader(str(tmp_path / 'truth.json'))
    assert [it['name'] for it in content['categories']] == ['person', 'background']
    assert content['images'][0]['file_name'] == 'a/a_1_leftImg8bit.png'
    (segment,) = content['annotations']
    assert (segment['image_id'], segment['category_id']) == (1, 5)
    assert content['images'][0]['label_map'] == 'other.png'
    assert segment['segment_id'] == 7


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(id=0), 'number segments from 1'),
        (dict(category_id=9), 'category_id=9'),
        (dict(bbox=None), 'has no bbox'),
    ],
)
def test_wrong_segments_are_refused(change, said, tmp_path):
    good = dict(id=7, category_id=5, bbox=[0, 0, 2, 2], area=4)
    wrong = {k: v for k, v in (good | change).items() if v is not None}
    with pytest.raises(ValueError, match=said):
        TinyPanoptic(**write_panoptic(tmp_path, KINDS, segments_info=[wrong]))


@pytest.mark.parametrize('kind', ['grey', 'other order'])
@pytest.mark.parametrize('loader', [LoadSegments, LoadPanopticObjects])
def test_a_label_map_of_other_ids_is_refused(kind, loader, tmp_path):
    ids = np.full((16, 16, 1), 7, np.uint8)
    order = [1, 1, 1] if kind == 'grey' else [1, 0, 0]  # blue, green, red
    cv2.imwrite(str(tmp_path / 'map.png'), ids * np.array(order, np.uint8))
    sample = dict(
        seg_map_path=str(tmp_path / 'map.png'),
        ori_shape=(16, 16),
        segments_info=[segment(7, 0, is_thing=True)],
        instances=[dict(bbox=[0, 0, 16, 16], bbox_label=0, ignore_flag=0)],
    )
    with pytest.raises(ValueError, match='has no pixel of the segments'):
        loader()(sample)


@pytest.mark.parametrize('loader', [LoadSegments, LoadPanopticObjects])
def test_pixels_of_an_id_that_is_not_listed_are_refused(loader, tmp_path):
    ids = np.full((16, 16, 1), 7, np.uint8)
    ids[8:], ids[:8, :8] = 9, 0
    cv2.imwrite(str(tmp_path / 'map.png'), ids * np.array([0, 0, 1], np.uint8))
    sample = dict(
        seg_map_path=str(tmp_path / 'map.png'),
        ori_shape=(16, 16),
        segments_info=[segment(7, 0, is_thing=True)],
        instances=[dict(bbox=[0, 0, 16, 16], bbox_label=0, ignore_flag=0)],
    )
    with pytest.raises(ValueError, match='the ids 9, which the annotations do not'):
        loader()(sample)
    loaded = loader()(dict(sample, unlabelled=[9]))
    assert loaded['gt_seg_map'].shape[:2] == (16, 16)


def test_a_segment_without_width_has_no_box(tmp_path):
    """Its box would make the loss of a box head NaN."""
    thin = dict(id=7, category_id=5, bbox=[0, 0, 0, 2], area=4)
    data = TinyPanoptic(**write_panoptic(tmp_path, KINDS, segments_info=[thin]))
    sample = data.get_data_info(0)
    assert sample['instances'] == sample['segments_info'] == []
    assert sample['unlabelled'] == [7]  # its pixels are no fault


def test_an_evaluator_of_other_data_is_named(tmp_path):
    write_panoptic(tmp_path, KINDS)
    metric = PanopticInstanceMetric(str(tmp_path / 'truth.json'), str(tmp_path))
    metric.dataset_meta = TinyPanoptic.METAINFO
    with pytest.raises(ValueError, match='no annotations of the image 2'):
        metric.process({}, [dict(img_id=2)])


def test_sizes_of_instances_are_those_of_their_masks(tmp_path):
    """A thin diagonal is small, though its box is large."""
    write_panoptic(tmp_path, KINDS, file_name='thin.png')
    mask = np.eye(200, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'maps/thin.png'), mask[..., None] * [0, 0, 7])
    metric = PanopticInstanceMetric(
        str(tmp_path / 'truth.json'), str(tmp_path / 'maps'), metric='segm'
    )
    metric.dataset_meta = TinyPanoptic.METAINFO
    found = dict(
        bboxes=torch.tensor([[0.0, 0, 200, 200]]),
        labels=torch.tensor([0]),
        scores=torch.tensor([1.0]),
        masks=torch.from_numpy(mask[None] > 0),
    )
    sample = dict(img_id=1, ori_shape=(200, 200), pred_instances=found)
    metric.process({}, [sample])
    scores = metric.evaluate(1)
    assert scores['coco/segm_mAP_s'] == 1
    assert scores['coco/segm_mAP_l'] == -1


@pytest.mark.parametrize('kernel', [4, 0])
def test_an_even_window_is_refused(kernel):
    with pytest.raises(ValueError, match='kernel must be odd'):
        model(test_cfg=dict(kernel=kernel))


def test_test_time_augmentation_is_refused():
    with pytest.raises(ValueError, match='test without --tta'):
        NoTTAModel(module=None, tta_cfg={})


def test_classes_must_be_things_and_then_stuff(tmp_path):
    info = dict(classes=('background', 'person'))
    with pytest.raises(ValueError, match='both in this order'):
        TinyPanoptic(**write_panoptic(tmp_path, KINDS), metainfo=info)
