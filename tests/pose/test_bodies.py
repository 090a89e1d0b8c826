"""The recipes of bodies beyond COCO, on the real samples of MMPose's tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, METRICS, MODELS
from mmpose.utils import register_all_modules
from pose_samples import BODIES, COCO, WHOLE

from hrnet_mm.pose import CocoPoseMetric, CocoWholeBody, CocoWholeBodyFaces, DeepFashion

ROOT = Path(__file__).resolve().parents[2]


def small(cfg: Config):
    """The model of a leaf with a small trunk, without weights."""
    v2 = cfg.model.backbone.multiscale_output
    cfg.model.backbone.update(arch='w18_small_v1', init_cfg=None)
    cfg.model.head.in_channels = 15 * 16 if v2 else 16
    return MODELS.build(cfg.model)


def train(model, data) -> list[torch.Tensor]:
    """Two steps on the samples of a data set; return the heatmaps of the last."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for _ in range(2):
        samples = [data[0], data[-1]]
        batch = model.data_preprocessor(pseudo_collate(samples), training=True)
        losses = model(**batch, mode='loss')
        assert losses['loss_kpt'].isfinite()
        optimizer.zero_grad()
        losses['loss_kpt'].backward()
        optimizer.step()
    return [sample.gt_fields.heatmaps for sample in batch['data_samples']]


@pytest.mark.parametrize('leaf', BODIES)
def test_a_recipe_trains_and_tests_on_its_real_sample(leaf, real_data):
    register_all_modules()
    place, score = BODIES[leaf]
    where = dict(place, data_root=str(real_data / place['data_root']))
    cfg = Config.fromfile(ROOT / f'configs/pose/{leaf}.py')
    model = small(cfg)
    train(model, DATASETS.build({**cfg.train_dataloader.dataset, **where}))
    where |= dict(bbox_file=None, filter_cfg=None)
    test = DATASETS.build({**cfg.test_dataloader.dataset, **where})
    evaluator = {**cfg.test_evaluator}
    if 'ann_file' in evaluator:
        evaluator['ann_file'] = test.given_file
    metric = METRICS.build(evaluator)
    metric.dataset_meta = test.metainfo
    with torch.no_grad():
        for i in range(len(test)):
            found = model.eval().test_step(pseudo_collate([test[i]]))
            metric.process({}, [sample.to_dict() for sample in found])
    assert score in metric.evaluate(len(test))
    assert score == cfg.default_hooks.checkpoint.save_best


@pytest.mark.parametrize(
    ('leaf', 'others', 'keypoints'),
    [
        ('hrnet_w32_coco-aic-256x192_merge', 'hrnet_w32_aic-256x192', 17),
        ('hrnet_w32_coco-aic-256x192_combine', 'hrnet_w32_aic-256x192', 19),
        ('hrnet_w32_ubody-256x192', 'hrnet_w32_coco-wholebody-256x192', 133),
    ],
)
def test_two_data_sets_train_as_one(leaf, others, keypoints, real_data):
    register_all_modules()
    first = WHOLE
    if keypoints < 133:
        first = BODIES['hrnet_w32_coco-256x192_udp-regress'][0]
    cfg = Config.fromfile(ROOT / f'configs/pose/{leaf}.py')
    data = cfg.train_dataloader.dataset
    data.datasets = data.datasets[:2]
    places = [first, BODIES[others][0]]
    for part, place in zip(data.datasets, places, strict=True):
        root = str(real_data / place['data_root'])
        part.update(place, data_root=root, sample_interval=1)
    whole = DATASETS.build(data)
    assert min(whole.lens) > 0
    of_coco, of_others = train(small(cfg), whole)
    assert len(of_coco) == len(of_others) == keypoints
    if keypoints < 133:
        assert not of_others[:5].any()  # AI Challenger has no nose, eyes and ears
        assert of_others[5:17].any()


def test_true_whole_bodies_score_1(real_data):
    """With the parts of 14 people of COCO."""
    register_all_modules()
    cfg = Config.fromfile(ROOT / 'configs/pose/hrnet_w32_coco-wholebody-256x192.py')
    place = dict(WHOLE, data_root=str(real_data / 'coco'))
    people = CocoWholeBody(**place, pipeline=[], test_mode=True)
    metric = METRICS.build({**cfg.test_evaluator, 'ann_file': people.ann_file})
    metric.dataset_meta = people.metainfo
    for person in (people.get_data_info(i) for i in range(len(people))):
        assert person['keypoints'].shape == (1, 133, 2)
        right = dict(
            keypoints=person['keypoints'], keypoint_scores=person['keypoints_visible']
        )
        boxes = dict(bbox_scores=person['bbox_score'])
        sample = dict(person, pred_instances=right, gt_instances=boxes)
        metric.process({}, [sample])
    scores = metric.evaluate(len(people))
    for name in ('', 'body ', 'foot ', 'face ', 'hand '):
        assert scores[f'coco-wholebody/{name}AP'] == pytest.approx(1), name


def test_annotations_of_bodies_are_refused_as_whole_bodies(real_data):
    place = dict(COCO, data_root=str(real_data / 'coco'))
    file = 'annotations/person_keypoints_tiny.json'
    with pytest.raises(ValueError, match=r'has 17 keypoints, .*CocoWholeBody.* 133'):
        CocoWholeBody(**place, ann_file=file)
    whole = CocoWholeBody(**dict(WHOLE, data_root=str(real_data / 'coco')))
    with pytest.raises(ValueError, match=r'has 133 keypoints, but ann_file .* has 17'):
        CocoPoseMetric(str(real_data / 'coco' / file)).dataset_meta = whole.metainfo


@pytest.mark.parametrize(
    ('subset', 'number'), [('full', 8), ('lower', 4), ('upper', 6)]
)
def test_the_subset_of_clothes_has_its_landmarks(subset, number, recwarn):
    clothes = DeepFashion(subset=subset, lazy_init=True)
    assert clothes.metainfo['num_keypoints'] == number
    assert not recwarn.list  # mmpose's relative path warns


def test_people_without_a_labelled_face_are_counted(real_data, said):
    faces = CocoWholeBodyFaces(**dict(WHOLE, data_root=str(real_data / 'coco')))
    people = json.loads((real_data / 'coco' / WHOLE['ann_file']).read_text())
    labelled = [person['face_valid'] for person in people['annotations']]
    assert len(faces) == sum(labelled) > 2
    lacking = len(labelled) - sum(labelled)
    assert f': {lacking} faces of {len(labelled)} without a labelled face' in said.text
