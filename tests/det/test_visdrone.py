"""VisDrone reads the published folders, and its ignored regions are ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

import torch
from detections import draw_objects
from mmdet.registry import DATASETS, MODELS, TASK_UTILS
from mmdet.structures.bbox import bbox_flip
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from PIL import Image
from torch import nn

from hrnet_mm.datasets.annotations import AnnotationError
from hrnet_mm.det import CocoDetMetric, VisDroneMetric
from hrnet_mm.det.visdrone import CLASSES, read_visdrone

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAF = CONFIGS / 'det/cascade-rcnn_hrnetv2p_w18_visdrone-1x.py'
# left, top, width, height, score, category, truncation, occlusion
LOAD = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
]
TRUTH = {
    '0000002_00005_d_0000014': """10,20,30,12,1,4,0,0
100,0,50,80,0,0,0,0
60,60,8,20,1,1,0,1,
70,20,10,10,0,11,0,0
20,60,12,9,0,4,1,2
""",
    '9999952_00000_d_0000143': '5,6,7,8,1,10,0,0\n30,40,0,8,1,1,0,0\n',
    '9999999_00000_d_0000001': '',
}


@pytest.fixture
def drones(tmp_path):
    """Build the data set of the leaf, or its test data."""
    init_default_scope('mmdet')
    for folder in ('annotations', 'images'):
        (tmp_path / folder).mkdir()
    for name, text in TRUTH.items():
        (tmp_path / f'annotations/{name}.txt').write_text(text)
        Image.new('RGB', (160, 90)).save(tmp_path / f'images/{name}.jpg')

    def build(split: str = 'train', **kwargs):
        files = dict(ann_file='annotations', data_prefix=dict(img='images'))
        cfg = Config.fromfile(str(LEAF))[f'{split}_dataloader'].dataset
        cfg.update(dict(files, data_root=str(tmp_path), **kwargs))
        return DATASETS.build(cfg)

    return build


def test_objects_and_ignored_regions_of_the_published_folder(drones, said):
    dataset = drones(filter_cfg=None)
    assert dataset.metainfo['classes'] == CLASSES
    assert len(dataset) == 3
    first, second, empty = (dataset.get_data_info(i) for i in range(3))
    assert first['img_path'].endswith('images/0000002_00005_d_0000014.jpg')
    counted = [
        (it['bbox'], CLASSES[it['bbox_label']])
        for it in first['instances']
        if not it['ignore_flag']
    ]
    assert counted == [([10, 20, 40, 32], 'car'), ([60, 60, 68, 80], 'pedestrian')]
    ignored = [it for it in first['instances'] if it['ignore_flag']]
    region = [it['bbox_label'] for it in ignored if it['bbox'] == [100, 0, 150, 80]]
    assert region == [*range(10)]
    # of score 0: ignored for its class
    others = [it for it in ignored if it['bbox'] != [100, 0, 150, 80]]
    assert [(it['bbox'], it['bbox_label']) for it in others] == [([20, 60, 32, 69], 3)]
    assert [it['bbox_label'] for it in second['instances']] == [9]
    assert empty['instances'] == []
    assert 'of category 11 (others), no class of the config' in said.text
    assert '1 object of 16 smaller than a pixel' in said.text


def test_an_ignored_region_is_no_object_whatever_its_score_is(tmp_path):
    (tmp_path / 'a.txt').write_text('1,2,3,4,1,0,0,0')
    content = read_visdrone(str(tmp_path))
    assert [it['iscrowd'] for it in content['annotations']] == [1] * len(CLASSES)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('1,2,3,4,1,4,0', r"line 1 of .*a\.txt is '1,2.*not 8 integers.*occlusion"),
        ('1,2,3,4,1,car,0,0', 'not 8 integers'),
        ('1,2,3,4,1,12,0,0', r'category 12: VisDrone-DET has 0 \(ignored region\)'),
    ],
)
def test_damaged_lines_are_named(tmp_path, line, message):
    (tmp_path / 'a.txt').write_text(f'{line}\n')
    with pytest.raises(AnnotationError, match=message):
        read_visdrone(str(tmp_path))


def test_a_missing_folder_is_named_with_its_source(drones):
    with pytest.raises(FileNotFoundError, match=r'VisDrone-Dataset.*VISDRONE=FOLDER'):
        drones(ann_file='nothing')


def test_a_folder_without_annotations_is_named(drones):
    with pytest.raises(ValueError, match='holds no image'):
        drones(ann_file='images')


@pytest.mark.parametrize('stage', ['rpn', 0, 1, 2])
def test_boxes_in_ignored_regions_are_neither_trained_nor_background(drones, stage):
    train = Config.fromfile(str(LEAF)).model.train_cfg
    train = train.rpn if stage == 'rpn' else train.rcnn[stage]
    sample = drones(pipeline=[*LOAD, dict(type='PackDetInputs')])[0]['data_samples']
    truth, ignored = sample.gt_instances, sample.ignored_instances
    assert (len(truth), len(ignored)) == (2, 11)
    truth.bboxes, ignored.bboxes = truth.bboxes.tensor, ignored.bboxes.tensor
    inside, background = [110.0, 10, 140, 40], [80.0, 70, 95, 85]
    boxes = torch.tensor([inside, background, truth.bboxes[0].tolist()])
    assigner = TASK_UTILS.build(train.assigner)
    found = assigner.assign(InstanceData(priors=boxes), truth, ignored)
    assert found.gt_inds.tolist() == [-1, 0, 1]


def sample_of(dataset, boxes: list, labels: list[int]) -> dict:
    """Return the sample of a detector for the first image."""
    (sample,) = pseudo_collate([dataset[0]])['data_samples']
    found = dict(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.linspace(0.9, 0.5, len(boxes)),
        labels=torch.tensor(labels, dtype=torch.long),
    )
    return dict(sample.metainfo, pred_instances=found)


def test_detections_in_ignored_regions_are_not_false(drones):
    dataset = drones('test')
    right = [[10, 20, 40, 32], [60, 60, 68, 80]]
    inside = [[110, 10, 130, 30], [105, 40, 120, 70]]
    elsewhere = [[40, 40, 55, 55]]
    scores = []
    for boxes, labels in (
        (right, [3, 0]),
        (inside + right, [3, 0, 3, 0]),
        (elsewhere + right, [3, 3, 0]),
    ):
        metric = VisDroneMetric()
        metric.dataset_meta = dataset.metainfo
        metric.process({}, [sample_of(dataset, boxes, labels)])
        scores.append(metric.evaluate(1)['coco/bbox_mAP'])
    assert scores == [1, 1, 0.75]


class Perfect(nn.Module):
    """Finds the true objects of a view, in the size of the image, as detectors do."""

    def test_step(self, data):
        for sample in data['data_samples']:
            truth = [it for it in sample.instances if not it['ignore_flag']]
            boxes = torch.tensor([it['bbox'] for it in truth]).float()
            if sample.flip:
                boxes = bbox_flip(boxes, sample.ori_shape, sample.flip_direction)
            sample.pred_instances = InstanceData(
                bboxes=boxes,
                scores=torch.ones(len(boxes)),
                labels=torch.tensor([it['bbox_label'] for it in truth]),
            )
        return data['data_samples']


def test_views_are_merged_and_scored_with_the_objects_of_their_image(drones):
    cfg = Config.fromfile(str(LEAF))
    dataset = drones('test', pipeline=cfg.tta_pipeline)
    model = MODELS.build(dict(cfg.tta_model, module=Perfect()))
    (sample,) = model.test_step(pseudo_collate([dataset[0]]))
    assert len(sample.pred_instances) == 2  # of four
    metric = VisDroneMetric()
    metric.dataset_meta = dataset.metainfo
    metric.process({}, [dict(sample.metainfo, pred_instances=sample.pred_instances)])
    assert metric.evaluate(1)['coco/bbox_mAP'] == 1


def score(metric: CocoDetMetric, samples: list[dict]) -> dict[str, float]:
    metric.dataset_meta = dict(classes=tuple(f'class {i}' for i in range(5)))
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_up_to_500_detections_of_an_image_count():
    """pycocotools counts 100 of them for AP, and all for AP50."""
    corners = torch.stack(torch.meshgrid(*[torch.arange(22) * 9.0] * 2), -1).view(-1, 2)
    boxes = torch.cat([corners, corners + 8], dim=1)
    sample = dict(
        img_id=1,
        ori_shape=(200, 200),
        instances=[
            dict(bbox=box, bbox_label=0, ignore_flag=0) for box in boxes.tolist()
        ],
        pred_instances=dict(
            bboxes=boxes,
            scores=torch.linspace(0.9, 0.1, len(boxes)),
            labels=torch.zeros(len(boxes), dtype=torch.long),
        ),
    )
    assert score(CocoDetMetric(), [sample])['coco/bbox_mAP'] == pytest.approx(
        100 / len(boxes), abs=0.01
    )
    assert score(VisDroneMetric(), [sample])['coco/bbox_mAP'] == 1


def test_scores_of_fewer_detections_are_those_of_coco(tmp_path):
    content, samples = draw_objects()
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(content))
    coco, ours = (
        score(it(str(path)), samples) for it in (CocoDetMetric, VisDroneMetric)
    )
    assert coco == ours
    assert 0.05 < ours['coco/bbox_mAP'] < 1


def test_an_image_with_ignored_regions_trains_finite(drones):
    cfg = Config.fromfile(str(LEAF)).model
    cfg.backbone.update(arch='w18_small_v1', init_cfg=None, norm_eval=False)
    cfg.neck.in_channels = [16, 32, 64, 128]
    cfg.train_cfg.rpn_proposal.max_per_img = 20
    model = MODELS.build(cfg)
    dataset = drones(pipeline=[*LOAD, dict(type='PackDetInputs')])
    data = model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), True)
    loss, parts = model.parse_losses(model(**data, mode='loss'))
    assert loss.isfinite()
    assert parts['s0.loss_bbox'] > 0
