"""Exported bottom-up models and landmark models, without OpenMMLab."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from alone import run_alone
from mmengine.config import Config
from scipy.optimize import linear_sum_assignment

import hrnet_mm
from hrnet_mm.building import build_model
from hrnet_mm.inference import export, standalone
from hrnet_mm.inference.export import FORMATS, compare, exported, read_images, write
from hrnet_mm.inference.inferencer import build_inferencer
from hrnet_mm.inference.model_facts import read_facts
from hrnet_mm.tiny_people import TinyPeople

pytest.importorskip('mmpose')

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/pose'
LEAVES = {
    'higher-hrnet': 'higher-hrnet_w18_small_v1_tiny-crowd.py',
    'hrnet-ae': 'hrnet-ae_w18_small_v1_tiny-crowd.py',
    'heads': 'hrnetv2_w18_small_v1_tiny-heads.py',
}
traces = pytest.mark.skipif(not export.can_trace(), reason='export needs torch >= 2.6')


@pytest.fixture
def cfg(monkeypatch, tmp_path):
    """A config of a pose model."""

    def read(kind: str) -> Config:
        for name in ('TINY_CROWD', 'TINY_PEOPLE'):
            monkeypatch.setenv(name, str(tmp_path))
        return Config.fromfile(CONFIGS / LEAVES[kind])

    return read


@pytest.fixture
def model(randomised):
    """A model that sees people in noise."""
    return lambda cfg: randomised(build_model(cfg))


def eager(function):
    """The function of a file, without a file."""

    @torch.no_grad()
    def run(*inputs):
        outputs = function(*map(torch.from_numpy, inputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return [it.numpy() for it in outputs]

    return run


@traces
@pytest.mark.parametrize(
    ('kind', 'name', 'dynamic'),
    [
        ('higher-hrnet', 'onnx', False),
        pytest.param('higher-hrnet', 'openvino', True, marks=pytest.mark.jobs),
        pytest.param('hrnet-ae', 'onnx', True, marks=pytest.mark.jobs),
        pytest.param('hrnet-ae', 'torch-export', False, marks=pytest.mark.jobs),
        pytest.param('heads', 'onnx', False, marks=pytest.mark.jobs),
        pytest.param('heads', 'openvino', False, marks=pytest.mark.jobs),
    ],
)
def test_files_answer_what_models_answer(kind, name, dynamic, cfg, model, tmp_path):
    for package in FORMATS[name].needs:
        pytest.importorskip(package)
    config = cfg(kind)
    facts, network = read_facts(config), model(config)
    slow, fast = (
        exported(it, facts['task']) for it in (network, hrnet_mm.deploy(network))
    )
    path = write(fast, facts, name, tmp_path / 'new', dynamic=dynamic)
    given = read_images([], facts, 1)
    if dynamic:
        given += read_images([], facts | dict(size=(96, 160)), 3)
    difference = compare(path, slow, given)
    assert difference.mean <= difference.largest < 1e-4

    cv2.imwrite(str(tmp_path / 'scene.png'), TinyPeople().scene('test', 1).image)
    script, image = path.parent / 'run.py', tmp_path / 'scene.png'
    (found,) = run_alone(script, image, torch=name == 'torch-export')
    assert 'joints' in (found if kind == 'heads' else found['people'][0])
    assert cv2.imread(str(tmp_path / found['picture'])) is not None


def draw_people(size: tuple[int, int], levels: int) -> list[torch.Tensor]:
    """The outputs of a head that sees people, whose tags differ, in noise."""
    rng = np.random.default_rng(0)
    height, width = size
    places = rng.uniform(0.1, 0.9, (8, 17, 2)) * [width, height]
    seen = rng.random((8, 17)) < 0.8
    outputs = []
    for level in range(levels):
        h, w = height // 4 * 2**level, width // 4 * 2**level
        y, x = np.mgrid[:h, :w]
        heat, tags = rng.random((2, 17, h, w)) * 0.05
        for person, joint in np.argwhere(seen):
            px, py = places[person, joint] * [w / width, h / height]
            far = (x - px) ** 2 + (y - py) ** 2
            heat[joint] += (0.5 + person / 20) * np.exp(-far / 4)
            tags[joint][far < 16] = 3 * person
        both = [heat, tags] if level == 0 else [heat]
        outputs.append(torch.from_numpy(np.concatenate(both)).float()[None])
    return outputs


@pytest.mark.parametrize(('kind', 'levels'), [('higher-hrnet', 2), ('hrnet-ae', 1)])
@pytest.mark.parametrize('shape', [(160, 192), (150, 170), (100, 192)])
def test_run_groups_people_as_the_inferencer_does(
    kind, levels, shape, cfg, model, tmp_path
):
    # random weights, and maxima at the border, make ties that rounding breaks
    config = cfg(kind)
    network = model(config)
    facts = read_facts(config) | dict(dynamic=True)
    assert facts['task'] == 'bottom-up pose'
    picture = TinyPeople(crowd=True).scene('test', 1).image[: shape[0], : shape[1]]

    def run(x):
        return [it.numpy() for it in draw_people(x.shape[2:], levels)]

    found = standalone.predict(run, facts, picture, None)
    torch.save(network.state_dict(), tmp_path / 'weights.pth')
    infer = build_inferencer(
        config, str(tmp_path / 'weights.pth'), device='cpu', det_model='whole_image'
    )
    head = infer.inferencer.model.head
    head.forward = lambda feats: draw_people(
        [side * 4 for side in feats[0].shape[2:]], levels
    )
    result = next(infer(picture.copy(), return_datasamples=True))
    wanted = result['predictions'][0].pred_instances
    people = found['people']
    assert len(people) == len(wanted) >= 8
    joints = np.array([[*it['joints'].values()] for it in people])
    np.testing.assert_allclose(joints[..., :2], wanted.keypoints, atol=1e-3)
    np.testing.assert_allclose(joints[..., 2], wanted.keypoint_scores, atol=1e-3)
    scores = [it['score'] for it in people]
    np.testing.assert_allclose(scores, wanted.bbox_scores, atol=1e-3)
    assert found['picture'].shape == picture.shape


def test_a_file_of_one_size_takes_images_of_any(cfg):
    facts = read_facts(cfg('higher-hrnet')) | dict(dynamic=False)
    seen = []

    def run(x):
        seen.append(x.shape)
        height, width = x.shape[2] // 4, x.shape[3] // 4
        return [
            np.zeros((1, 34, height, width), np.float32),
            np.zeros((1, 17, 2 * height, 2 * width), np.float32),
        ]

    for shape in ((300, 100, 3), (100, 300, 3)):
        found = standalone.predict(run, facts, np.zeros(shape, np.uint8), None)
        assert found['people'] == []
    assert seen == [(1, 3, 160, 192)] * 2


@pytest.mark.parametrize('shape', [(0, 3), (1, 1), (4, 4), (5, 9), (9, 5)])
def test_pairs_have_the_least_cost(shape):
    costs = np.random.default_rng(0).random(shape)
    rows, columns = standalone.assign(costs)
    assert len({*rows}) == len({*columns}) == len(rows) == min(shape)
    best = costs[linear_sum_assignment(costs)].sum()
    assert costs[rows, columns].sum() == pytest.approx(best)


@pytest.mark.jobs
def test_run_sees_the_landmarks_that_the_library_sees(cfg, model, tmp_path):
    from mmpose.apis import inference_topdown, init_model

    config = cfg('heads')
    network = model(config)
    network.head.final_layer.bias.data += 5  # DARK ignores negative heatmaps
    facts = read_facts(config)
    picture = TinyPeople().scene('test', 1).image
    box = [20.0, 10.0, 50.0, 60.0]
    found = standalone.predict(
        eager(exported(network, facts['task'])), facts, picture, box
    )
    torch.save(network.state_dict(), tmp_path / 'weights.pth')
    config.dump(tmp_path / 'config.py')
    stock = init_model(
        str(tmp_path / 'config.py'), str(tmp_path / 'weights.pth'), 'cpu'
    )
    (sample,) = inference_topdown(stock, picture, np.array([box]), bbox_format='xywh')
    joints = np.array([*found['joints'].values()])
    np.testing.assert_allclose(
        joints[:, :2], sample.pred_instances.keypoints[0], atol=0.2
    )
    assert len(found['joints']) == 5


def test_models_that_group_otherwise_are_refused(cfg):
    config = cfg('higher-hrnet')
    config.model.head.decoder = dict(type='SPR')
    with pytest.raises(ValueError, match=r'groups by hrnet_mm\.AssociativeEmbedding'):
        read_facts(config)
