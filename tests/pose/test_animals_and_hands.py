"""Animals and hands: their data sets read, train and score what MMPose's do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, METRICS, MODELS
from mmpose.utils import register_all_modules
from pose_samples import ANIMALS_AND_HANDS

from hrnet_mm.pose import KeypointDistancePCK

ROOT = Path(__file__).resolve().parents[2]
BEST = {'AP': 1, 'PCK': 1, 'PCKh': 1, 'AUC': 0.95, 'EPE': 0, 'NME': 0}


@pytest.fixture(autouse=True)
def _registered():
    register_all_modules()


@pytest.fixture(params=ANIMALS_AND_HANDS, ids=lambda row: row[1])
def real(request, real_animals) -> tuple[Config, dict, str, int]:
    """A config with a small trunk, where its images are, and what MMPose has for it."""
    leaf, folder, annotations, dataset, keypoints = request.param
    cfg = Config.fromfile(ROOT / f'configs/pose/{leaf}.py')
    where = dict(
        data_root=str(real_animals / folder),
        ann_file=f'{annotations}.json',
        data_prefix=dict(img='val2017/' if folder == 'coco' else ''),
    )
    cfg.model.backbone.update(arch='w18_small_v1', init_cfg=None)
    all_streams = cfg.model.backbone.multiscale_output
    cfg.model.head.in_channels = 240 if all_streams else 16
    return cfg, where, dataset, keypoints


def test_samples_are_those_of_mmpose(real):
    cfg, where, dataset, keypoints = real
    ours = DATASETS.build(dict(where, type=cfg.train_dataloader.dataset.type))
    metainfo = type(ours).METAINFO
    theirs = DATASETS.build(dict(where, type=dataset, metainfo=metainfo))
    assert len(ours) == len(theirs) > 1
    assert ours.metainfo['num_keypoints'] == keypoints
    assert ours.metainfo['flip_indices'] == theirs.metainfo['flip_indices']
    for index in range(len(ours)):
        sample, wanted = ours.get_data_info(index), theirs.get_data_info(index)
        for only_for_metrics in ('raw_ann_info', 'segmentation', 'head_size'):
            sample.pop(only_for_metrics, None)
            wanted.pop(only_for_metrics, None)
        np.testing.assert_equal(sample, wanted)


def test_a_step_on_real_images(real):
    cfg, where, _, keypoints = real
    samples = DATASETS.build({**cfg.train_dataloader.dataset, **where})
    model = MODELS.build(cfg.model)
    batch = pseudo_collate([samples[0], samples[1]])
    data = model.data_preprocessor(batch, training=True)
    loss = model(**data, mode='loss')['loss_kpt']
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    width, height = cfg.codec.heatmap_size
    heatmaps = data['data_samples'][0].gt_fields.heatmaps
    assert heatmaps.shape == (keypoints, height, width)


def scores(cfg: Config, where: dict, samples: Any, results: list[dict]) -> dict:
    """The scores of all evaluators, without the prefix of COCO's."""
    found = {}
    several = isinstance(cfg.val_evaluator, list)
    for evaluator in cfg.val_evaluator if several else [cfg.val_evaluator]:
        if 'ann_file' in evaluator:
            evaluator.ann_file = f'{where["data_root"]}/{where["ann_file"]}'
        metric = METRICS.build(evaluator)
        metric.dataset_meta = samples.metainfo
        metric.process({}, results)
        found |= metric.evaluate(len(results))
    return {name.removeprefix('coco/'): score for name, score in found.items()}


def test_the_truth_has_the_best_scores(real):
    cfg, where, _, _ = real
    samples = DATASETS.build({**cfg.val_dataloader.dataset, **where})
    model = MODELS.build(cfg.model).eval()
    batch = pseudo_collate([samples[index] for index in range(len(samples))])
    found = model(**model.data_preprocessor(batch), mode='predict')
    results = [sample.to_dict() for sample in found]
    untrained = scores(cfg, where, samples, results)
    for result in results:
        result['pred_instances']['keypoints'] = result['gt_instances']['keypoints']
    best = scores(cfg, where, samples, results)
    assert np.isfinite([*untrained.values()]).all()
    checked = best.keys() & BEST.keys()
    saved = cfg.default_hooks.checkpoint.save_best.removeprefix('coco/')
    assert saved in checked
    for name in checked:
        assert best[name] == pytest.approx(BEST[name]), name
        assert untrained[name] != pytest.approx(BEST[name]), name


def test_errors_are_relative_to_the_distance_of_nose_and_eye():
    """Horse-10: correct up to 0.3 of it."""
    true = np.zeros((2, 22, 2))
    true[0, 1], true[1, 1] = (0, 10), (0, 20)  # eyes
    found = true + np.array([4, 0])  # 0.4 and 0.2 of the distances
    labelled = np.ones((2, 22), dtype=bool)
    metric = KeypointDistancePCK(thr=0.3)
    metric.dataset_meta = dict(dataset_name='horse10')
    rows = [
        dict(pred_coords=found[i : i + 1], gt_coords=true[i : i + 1],
             mask=labelled[i : i + 1])
        for i in range(2)
    ]  # fmt: skip
    assert metric.compute_metrics(rows) == pytest.approx({'PCK': 0.5, 'NME': 0.3})
