"""The tools of the package on a network of several tasks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, HOOKS, init_default_scope
from PIL import Image
from torch import Tensor
from torch.utils._pytree import tree_flatten
from universal_tasks import universal

import hrnet_mm
from hrnet_mm import profiling
from hrnet_mm.building import load_trained
from hrnet_mm.cli import main
from hrnet_mm.inference.fused_conv import FusedConv
from hrnet_mm.models import HRNet
from hrnet_mm.universal import TaskSamples, Universal, config_of_task
from hrnet_mm.universal.inferencer import Inferencer
from hrnet_mm.universal.pictures import add_panels, draw_together, task_predictors
from hrnet_mm.universal.visualization import draw_row, truth_of
from hrnet_mm.visualization import read_image

LEAF = 'configs/universal/universal_w18_small_v1_tiny.py'
TASKS = ['objects', 'joints', 'parts', 'depth']


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments)])


@torch.no_grad()
def predicted(model: Universal, sample: dict[str, Any]) -> TaskSamples:
    (result,) = model.test_step(pseudo_collate([sample]))
    return result


@pytest.fixture
def trained(root, few_people, tmp_path, monkeypatch, randomised):
    """A config, its path and weights without ``dataset_meta``."""
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    cfg = Config.fromfile(root / LEAF)
    cfg.model.backbone.precision = 'float32'
    config, weights = tmp_path / 'config.py', tmp_path / 'weights.pth'
    cfg.dump(config)
    built = universal(*TASKS)
    randomised(built.backbone)
    torch.save(dict(meta={}, state_dict=built.state_dict()), weights)
    return cfg, config, weights


@pytest.fixture
def tested(trained):
    """A model, its test data, and the predictor of each task."""
    cfg, _, weights = trained
    model = load_trained(cfg, weights, whole=True)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return model, dataset, task_predictors(model, cfg, dataset.metainfo)


def test_predict_writes_the_data_of_each_task(trained, tested, few_people, tmp_path):
    _, config, weights = trained
    model, dataset, _ = tested
    out = tmp_path / 'out'
    done = run(
        'predict', config, weights, few_people / 'images/test',
        '--image-ids', few_people / 'annotations/test.json', '--output', out,
        '--device', 'cpu', '--batch', 1,  # other batches round otherwise
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    written = {name: out / name / 'predictions.json' for name in ('objects', 'joints')}
    entries = {name: json.loads(path.read_text()) for name, path in written.items()}
    for i in range(len(dataset)):
        sample = predicted(model, dataset[i])
        stem = Path(sample.parts.img_path).stem
        labels = np.array(Image.open(out / f'parts/labels/{stem}.png'))
        assert np.array_equal(labels, sample.parts.pred_sem_seg.data[0])
        depth = np.array(Image.open(out / f'depth/depth/{stem}.png')) / 256
        assert np.abs(depth - sample.depth.pred_depth_map.data[0].numpy()).max() < 0.01
        found = {
            name: [it for it in of_task if it['image_id'] == int(sample.objects.img_id)]
            for name, of_task in entries.items()
        }
        scores = sample.objects.pred_instances.scores.tolist()
        assert [it['score'] for it in found['objects']] == pytest.approx(scores)
        assert len(found['joints']) <= len(sample.joints.pred_instances)
        picture = read_image(str(out / f'pictures/{stem}.jpg'))
        assert picture.shape == (160, 192 + 192 // 2, 3)
    assert min(map(len, entries.values())) > 0


def test_boxes_are_tracked_if_there_are_any(trained, few_people, tmp_path):
    _, config, weights = trained
    done = run(
        'predict', config, weights, few_people / 'images/test', '--track',
        '--output', tmp_path / 'out', '--no-pictures', '--threshold', 0.1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    objects, joints = (
        json.loads((tmp_path / f'out/{name}/predictions.json').read_text())
        for name in ('objects', 'joints')
    )
    assert all('track_id' in entry for entry in objects)
    assert max(entry['track_id'] for entry in objects) > 0
    assert not any('track_id' in entry for entry in joints)


def test_files_and_arrays_are_the_same_images(trained, tested):
    _, config, weights = trained
    model, dataset, _ = tested
    path = dataset.get_data_info(0)['img_path']
    inferencer = hrnet_mm.inferencer(str(config), str(weights), device='cpu')
    assert isinstance(inferencer, Inferencer)
    found = inferencer([path, read_image(path)], return_vis=True)
    of_file, of_array = found['predictions']
    sample = predicted(model, dataset[0])
    for result in (of_file, of_array):
        assert {*result} == {*TASKS}
        labels = result['parts']['pred_sem_seg']['data']
        assert torch.equal(labels, sample.parts.pred_sem_seg.data)
        keypoints = result['joints']['pred_instances']['keypoints']
        assert np.allclose(keypoints, sample.joints.pred_instances.keypoints)
    first, second = found['visualization']
    assert np.array_equal(first, second)
    assert not np.array_equal(first, read_image(path))
    assert inferencer(path)['visualization'] is None


def test_names_are_those_of_the_checkpoint(trained):
    """A task that it does not name has those of the config."""
    cfg, _, weights = trained
    content = torch.load(weights)
    content['meta'] = dict(dataset_meta=dict(objects=dict(classes=('figure',))))
    torch.save(content, weights)
    init_default_scope('hrnet_mm')
    model = Inferencer(cfg, str(weights), device='cpu').model
    assert model.dataset_meta['objects'] == dict(classes=('figure',))
    assert model.dataset_meta['parts']['classes'][0] == 'background'
    assert model.tasks.keys() == model.dataset_meta.keys()


def test_show_draws_all_tasks_of_each_image(trained, tested, tmp_path):
    _, config, weights = trained
    model, dataset, predictors = tested
    path = tmp_path / 'sheet.png'
    done = run('show', config, weights, '--rows', 1, '--output', path)
    assert done.exit_code == 0, done.output
    assert read_image(str(path)).size
    model.tasks['joints'].head.test_cfg = dict(
        model.tasks['joints'].test_cfg, output_heatmaps=True
    )
    model.tasks['joints'].test_cfg.output_heatmaps = True
    row = draw_row(model, dataset[0], predictors)
    assert [*row] == ['truth', 'prediction', 'parts', 'depth', 'joints: heatmaps']
    assert {picture.shape for picture in row.values()} == {(160, 192, 3)}


def test_the_truth_is_drawn_as_a_prediction(tested):
    model, dataset, predictors = tested
    sample = pseudo_collate([dataset[0]])
    (labels,) = model.data_preprocessor(sample)['data_samples'][0]
    truth = truth_of(labels)
    assert truth.tasks == labels.tasks
    assert torch.equal(truth.parts.pred_sem_seg.data, labels.parts.gt_sem_seg.data)
    image = np.zeros((160, 192, 3), np.uint8)
    inside = labels.objects.gt_instances.masks.masks.any(axis=0)
    tinted = predictors['parts'].overlay(image, truth.parts)
    assert np.array_equal(tinted.any(axis=-1), inside)
    outlined = predictors['objects'].overlay(image, truth.objects)
    filled = predictors['objects'].draw(image, truth.objects)
    assert outlined[inside].any(axis=-1).mean() < 0.8
    assert filled[inside].any(axis=-1).all()
    joints = predictors['joints'].overlay(image, truth.joints).any(axis=-1)
    assert (joints & inside).any()
    assert np.array_equal(predictors['depth'].overlay(image, truth.depth), image)


def test_panels_are_beside_the_picture():
    picture = np.zeros((60, 90, 3), np.uint8)
    bright = np.full_like(picture, 255)
    assert add_panels(picture, {}) is picture
    one = add_panels(picture, dict(depth=bright))
    assert one.shape == (60, 90 + 45, 3)
    assert one[25, 100:].all()
    assert not one[35:].any()
    assert add_panels(picture, dict.fromkeys('abc', bright)).shape == (60, 120, 3)


def test_skeletons_are_drawn_over_boxes_and_boxes_over_maps(tested):
    _, dataset, predictors = tested
    drawn = []

    def overlay(name: str) -> Any:
        return lambda image, result: drawn.append(name) or image

    for name, predictor in predictors.items():
        predictor.overlay = overlay(name)
    labels = TaskSamples(
        **{name: dataset[0]['data_samples'].get(name) for name in TASKS}
    )
    draw_together(np.zeros((4, 4, 3), np.uint8), labels, predictors)
    assert {*drawn[:2]} == {'depth', 'parts'}
    assert drawn[2:] == ['objects', 'joints']


def test_a_hook_draws_some_batches(tested, trained):
    model, dataset, _ = tested
    sample = predicted(model, dataset[1])
    drawn = {}
    runner = SimpleNamespace(
        model=model,
        cfg=trained[0],
        iter=7,
        val_dataloader=SimpleNamespace(dataset=dataset),
        visualizer=SimpleNamespace(
            add_image=lambda name, image, step: drawn.update({name: (image, step)})
        ),
    )
    hook = HOOKS.build(dict(type='hrnet_mm.UniversalVisualizationHook', interval=2))
    hook.after_val_iter(runner, 1, {}, [sample])
    assert not drawn
    hook.after_val_iter(runner, 2, {}, [sample])
    image, step = drawn[f'val_{Path(sample.parts.img_path).name}']
    assert image.shape == (160, 288, 3)
    assert step == 7


@torch.no_grad()
def outputs(model: Universal, images: Tensor) -> list[Tensor]:
    """Return what the heads of all tasks put out; of the detector, the first stage."""
    found = []
    with model.streams.shared(images):
        for name, task in model.tasks.items():
            if name == 'objects':
                found.append(task.rpn_head(task.extract_feat(images)))
            else:
                found.append(task(images, None, mode='tensor'))
    return tree_flatten(found)[0]


def test_a_deployed_network_agrees_and_shares_one_fused_trunk(randomised):
    model = universal(*TASKS).eval()
    randomised(model)
    fast = hrnet_mm.deploy(model)
    assert not any(isinstance(module, HRNet) for module in fast.modules())
    assert any(isinstance(module, FusedConv) for module in fast.backbone.modules())
    assert fast.streams.trunk is fast.backbone
    assert model.streams.trunk is model.backbone
    calls = []
    fast.backbone.register_forward_hook(lambda *of_call: calls.append(of_call))
    images = torch.rand(2, 3, 64, 64)
    got, wanted = outputs(fast, images), outputs(model, images)
    assert len(calls) == 1
    for y, truth in zip(got, wanted, strict=True):
        assert (y - truth).abs().max() <= 1e-4 * truth.abs().max()


def test_a_profile_has_the_trunk_once_and_each_task(root):
    found = profiling.profile(str(root / LEAF))
    assert found['image'] == [160, 192]
    whole = profiling.build_subject(str(root / LEAF)).model
    total = sum(p.numel() for p in whole.parameters())
    assert found['total']['parameters'] == total
    leaf = root / 'configs/seg/hrnetv2_w18_small_v1_tiny-seg.py'
    alone = profiling.profile(str(leaf), (160, 192))

    def costs(rows: list[dict[str, Any]], *names: str) -> list[tuple[int, int]]:
        return [(it['parameters'], it['macs']) for it in rows if it['name'] in names]

    stages = ('stem', *(f'stage {number}' for number in range(1, 5)))
    assert costs(found['parts'], *stages) == costs(alone['parts'], *stages)
    assert costs(found['parts'], 'parts') == costs(alone['parts'], 'decode_head')
    assert [*dict.fromkeys(it['name'] for it in found['parts'])] == [*stages, *TASKS]


def test_check_reports_the_data_of_each_task(root, few_people, tmp_path, monkeypatch):
    people = shutil.copytree(few_people, tmp_path / 'people')
    monkeypatch.setenv('TINY_PEOPLE', str(people))
    labels = next((people / 'labels/train').iterdir())
    image = Image.open(labels)
    wrong = Image.fromarray(np.full(image.size[::-1], 77, np.uint8))
    wrong.save(labels)
    done = run('check', root / LEAF, '--output', tmp_path / 'out')
    assert done.exit_code == 1, done.output
    assert 'depth is not checked: train has the data set TinyDepth' in done.output
    pages = {
        name: (tmp_path / f'out/{name}/report.html').read_text()
        for name in ('objects', 'joints', 'parts')
    }
    assert '77' in pages['parts']
    assert 'No fault found.' not in pages['parts']


def test_a_config_of_a_task_is_one_of_its_library(root):
    cfg = Config.fromfile(root / LEAF)
    task = config_of_task(cfg, 'joints')
    assert task.default_scope == 'mmpose'
    assert task.data_mode == 'bottomup'
    assert task.model.backbone.type == 'hrnet_mm.SharedTrunk'
    kinds = [step.type for step in task.train_dataloader.dataset.pipeline]
    assert kinds == [
        'LoadImageFromFile', 'hrnet_mm.JointAffine', 'GenerateTarget',
        'hrnet_mm.CrowdMask', 'hrnet_mm.PackBottomup',
    ]  # fmt: skip
    assert task.val_evaluator == cfg.val_evaluator.metrics.joints
    with pytest.raises(ValueError, match=r"no task 'faces', but objects, joints"):
        config_of_task(cfg, 'faces')
    cfg.merge_from_dict({f'{it}_dataloader': None for it in ('train', 'val', 'test')})
    with pytest.raises(ValueError, match="'joints' has no data set"):
        config_of_task(cfg, 'joints')


def test_crops_of_people_cannot_be_drawn_with_whole_images(tested, trained):
    model, dataset, _ = tested
    cfg = trained[0]
    cfg.test_dataloader.dataset.tasks.joints.data_mode = 'topdown'
    with pytest.raises(ValueError, match="task 'joints' is top-down"):
        task_predictors(model, cfg, dataset.metainfo)
