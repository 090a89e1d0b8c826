"""CocoDetMetric on the annotation files that annotation tools write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmdet')

import torch
from detections import draw_objects, with_masks
from mmdet.evaluation import CocoMetric
from pycocotools import mask
from pycocotools.cocoeval import COCOeval

from hrnet_mm.det import CocoDetMetric

SIZE = (40, 60)


def square(x: int) -> list[float]:
    return [x, 10, x + 20, 10, x + 20, 30, x, 30]


def annotation_file(tmp_path, **changes: list) -> str:
    """Two objects in one image; a change has a value for each."""
    objects = [
        dict(
            id=i + 1, image_id=1, category_id=1, bbox=[x, 10, 20, 20], area=400,
            iscrowd=0, segmentation=[square(x)],
        )
        for i, x in enumerate((5, 35))
    ]  # fmt: skip
    for name, values in changes.items():
        for entry, value in zip(objects, values, strict=True):
            entry[name] = value
    image = dict(id=1, file_name='a.png', height=SIZE[0], width=SIZE[1])
    content = dict(
        images=[image], annotations=objects, categories=[dict(id=1, name='thing')]
    )
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(content))
    return str(path)


def score(metric: CocoDetMetric, found: tuple[int, ...] = (5, 35)) -> dict:
    """Of perfect boxes and masks at some places."""
    masks = np.zeros((*SIZE, len(found)), np.uint8, order='F')
    for i, x in enumerate(found):
        masks[10:30, x : x + 20, i] = 1
    metric.dataset_meta = dict(classes=('thing',))
    predicted = dict(
        bboxes=torch.tensor([[x, 10.0, x + 20, 30] for x in found]),
        scores=torch.ones(len(found)),
        labels=torch.zeros(len(found), dtype=int),
        masks=mask.encode(masks),
    )
    metric.process({}, [dict(img_id=1, ori_shape=SIZE, pred_instances=predicted)])
    return metric.evaluate(1)


@pytest.mark.parametrize('ids', [[0, 1], [3, 3], ['a', 'b']])
def test_a_perfect_prediction_scores_1_whatever_the_ids_are(tmp_path, ids):
    """pycocotools takes id 0 for no match."""
    metric = CocoDetMetric(annotation_file(tmp_path, id=ids))
    assert score(metric)['coco/bbox_mAP'] == 1


def test_an_object_without_an_outline_does_not_count_for_masks(tmp_path):
    file = annotation_file(tmp_path, segmentation=[[square(5)], []])
    scores = score(CocoDetMetric(file, metric=['bbox', 'segm']))
    assert scores['coco/segm_mAP'] == 1
    assert score(CocoDetMetric(file, metric='segm'), (5,))['coco/segm_mAP'] == 1
    assert score(CocoDetMetric(file), (5,))['coco/bbox_mAP'] < 0.6


@pytest.mark.parametrize('thresholds', [0.5, [0.5], [0.5, 0.75]])
def test_iou_thresholds_of_a_config(tmp_path, thresholds):
    metric = CocoDetMetric(annotation_file(tmp_path), iou_thrs=thresholds)
    assert score(metric)['coco/bbox_mAP'] == 1


def test_recall_of_images_with_different_numbers_of_objects(tmp_path):
    """Two objects in an image, found by the best boxes; one in another, missed."""
    path = Path(annotation_file(tmp_path))
    content = json.loads(path.read_text())
    content['images'].insert(0, dict(content['images'][0], id=7, file_name='b.png'))
    content['annotations'].append(dict(content['annotations'][0], id=3, image_id=7))
    path.write_text(json.dumps(content))
    metric = CocoDetMetric(str(path), metric='proposal_fast', proposal_nums=(1, 3))
    metric.dataset_meta = dict(classes=('thing',))
    for image, places, scores in (
        (1, (18, 5, 35), (0.1, 0.5, 0.9)),
        (7, (30,), (0.5,)),
    ):
        boxes = torch.tensor([[x, 10.0, x + 20, 30] for x in places])
        labels = torch.zeros(len(places), dtype=int)
        found = dict(bboxes=boxes, scores=torch.tensor(scores), labels=labels)
        metric.process({}, [dict(img_id=image, ori_shape=SIZE, pred_instances=found)])
    scores = metric.evaluate(2)
    assert scores['coco/AR@1'] == pytest.approx(1 / 3)
    assert scores['coco/AR@3'] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    'options',
    [
        dict(metric=['bbox', 'segm', 'proposal'], classwise=True),
        dict(metric='bbox', iou_thrs=[0.3, 0.5, 0.75]),
        dict(metric='bbox', proposal_nums=(1, 10, 50), metric_items=['mAP', 'AR@100']),
        dict(metric='bbox', use_mp_eval=True),
    ],
    ids=lambda options: ' '.join(options),
)
def test_scores_are_those_of_pycocotools(tmp_path, options, monkeypatch):
    """With crowds, all sizes, equal scores, and more than 100 boxes in an image."""
    content, samples = draw_objects()
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(content))
    stock = dict(
        options, iou_thrs=np.array(options.get('iou_thrs', np.linspace(0.5, 0.95, 10)))
    )
    scores = []
    for metric in (CocoMetric(str(path), **stock), CocoDetMetric(str(path), **options)):
        metric.dataset_meta = dict(classes=tuple(f'class {i}' for i in range(5)))
        metric.process({}, with_masks(samples) if 'segm' in metric.metrics else samples)
        scores.append(metric.evaluate(len(samples)))
        # by faster-coco-eval from here on
        monkeypatch.setattr(COCOeval, 'evaluate', None)
        monkeypatch.setattr(COCOeval, 'accumulate', None)
    stock_scores, ours = scores
    assert ours == pytest.approx(stock_scores, abs=1e-12, nan_ok=True)
    assert any(0.05 < value < 1 for value in ours.values())


def test_scores_without_a_file(tmp_path):
    """Return the annotations of the samples."""
    _, samples = draw_objects(images=4)
    scores = []
    for metric in (CocoMetric(), CocoDetMetric()):
        metric.dataset_meta = dict(classes=tuple(f'class {i}' for i in range(5)))
        for sample in samples:
            boxes = sample['pred_instances']['bboxes'][::3]
            sample['instances'] = [
                dict(bbox=box.tolist(), bbox_label=0, ignore_flag=0) for box in boxes
            ]
        metric.process({}, samples)
        scores.append(metric.evaluate(len(samples)))
    assert scores[0] == pytest.approx(scores[1], abs=1e-12)
