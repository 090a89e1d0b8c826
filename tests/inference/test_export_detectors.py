"""Exported detectors find what the detectors find, without OpenMMLab."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from alone import run_alone
from mmengine.config import Config

import hrnet_mm
from hrnet_mm.building import build_model
from hrnet_mm.inference import export, standalone
from hrnet_mm.inference.export import FORMATS, compare, exported, read_images, write
from hrnet_mm.inference.inferencer import build_inferencer
from hrnet_mm.inference.model_facts import read_facts
from hrnet_mm.tiny_people import TinyPeople

pytest.importorskip('mmdet')

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/det'
LEAVES = {
    'faster-rcnn': 'faster-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'mask-rcnn': 'mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'cascade-mask-rcnn': 'cascade-mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'retinanet': 'retinanet_hrnetv2p_w18_small_v1_tiny-faces.py',
    'fcos': 'fcos_hrnetv2p_w18_wider-face-640x640.py',
}
SMALL = {  # of FCOS, which has no leaf for TinyPeople
    'model.backbone.arch': 'w18_small_v1',
    'model.backbone.init_cfg': None,
    'model.neck.in_channels': [16, 32, 64, 128],
    'model.neck.out_channels': 64,
    'model.bbox_head.in_channels': 64,
    'model.bbox_head.feat_channels': 64,
    'model.test_cfg.nms_pre': 100,
    'model.test_cfg.max_per_img': 100,
}
traces = pytest.mark.skipif(not export.can_trace(), reason='export needs torch >= 2.6')


@pytest.fixture
def cfg(monkeypatch, tmp_path):
    """A config of a detector."""

    def read(kind: str) -> Config:
        monkeypatch.setenv('TINY_PEOPLE', str(tmp_path))
        cfg = Config.fromfile(CONFIGS / LEAVES[kind])
        if kind == 'fcos':
            cfg.merge_from_dict(SMALL)
        return cfg

    return read


@pytest.fixture
def model(randomised):
    """A model whose scores differ from object to object."""

    def build(cfg: Config):
        model = randomised(build_model(cfg))
        generator = torch.Generator().manual_seed(0)
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear):
                noise = torch.randn(module.weight.shape, generator=generator)
                module.weight.data = noise / module.weight.shape[1] ** 0.5
            # boxes near their anchors, scores that are not rounded to 1
            if name.endswith(('_reg', 'rpn_cls', 'retina_cls')):
                module.weight.data *= 0.1
        return model

    return build


def set_classes(cfg: Config, number: int) -> None:
    """Give a detector more classes."""
    cfg.test_dataloader.dataset.metainfo = dict(classes=[*'abcdef'[:number]])
    roi_head = cfg.model.get('roi_head', {})
    for part in (cfg.model, roi_head):
        for name in ('bbox_head', 'mask_head'):
            if name in part:
                part[name].num_classes = number


@pytest.fixture
def picture() -> np.ndarray:
    """A scene of TinyPeople whose sides are no multiples of 32."""
    return TinyPeople().scene('test', 1).image[:150, :187].copy()


@traces
@pytest.mark.parametrize(
    ('kind', 'name', 'dynamic'),
    [
        ('retinanet', 'onnx', False),
        pytest.param('faster-rcnn', 'onnx', True, marks=pytest.mark.slow),
        pytest.param('mask-rcnn', 'onnx', False, marks=pytest.mark.jobs),
        pytest.param('mask-rcnn', 'openvino', True, marks=pytest.mark.slow),
        pytest.param('mask-rcnn', 'torch-export', True, marks=pytest.mark.slow),
        pytest.param('cascade-mask-rcnn', 'openvino', False, marks=pytest.mark.slow),
        pytest.param('retinanet', 'openvino', True, marks=pytest.mark.slow),
        pytest.param('fcos', 'onnx', True, marks=pytest.mark.slow),
        pytest.param('fcos', 'openvino', False, marks=pytest.mark.jobs),
    ],
)
def test_files_find_what_models_find(kind, name, dynamic, cfg, model, tmp_path):
    for package in FORMATS[name].needs:
        pytest.importorskip(package)
    config = cfg(kind)
    facts, network = read_facts(config) | dict(size=[160, 192]), model(config)
    slow = exported(network, facts['task'])
    fast = exported(hrnet_mm.deploy(network), facts['task'])
    path = write(fast, facts, name, tmp_path / 'new', dynamic=dynamic)
    given = read_images([], facts, 1)
    if dynamic:
        given += read_images([], facts | dict(size=(192, 256)), 3)
    with torch.no_grad():
        wanted = slow(**slow.inputs(torch.from_numpy(given[0])))
    assert (wanted['scores'] > 0).sum() > 5
    difference = compare(path, slow, given)
    assert difference.mean <= difference.largest < 1e-4

    cv2.imwrite(str(tmp_path / 'scene.png'), TinyPeople().scene('test', 1).image)
    script, image = path.parent / 'run.py', tmp_path / 'scene.png'
    (found,) = run_alone(script, image, torch=name == 'torch-export')
    assert len(found['objects']) > 5
    assert cv2.imread(str(tmp_path / found['picture'])).shape == (160, 192, 3)


@pytest.mark.jobs
@pytest.mark.parametrize(
    ('kind', 'classes'),
    [*((kind, 1) for kind in LEAVES), ('mask-rcnn', 3), ('retinanet', 3)],
)
def test_run_finds_what_the_inferencer_finds(
    kind, classes, cfg, model, picture, tmp_path
):
    config = cfg(kind)
    if classes > 1:
        set_classes(config, classes)
    network = model(config)
    facts = read_facts(config) | dict(dynamic=True)
    function = exported(network, facts['task'])

    @torch.no_grad()
    def run(*inputs):
        return [it.numpy() for it in function(*map(torch.from_numpy, inputs)).values()]

    found = standalone.predict(run, facts, picture, None)
    torch.save(network.state_dict(), tmp_path / 'weights.pth')
    infer = build_inferencer(config, str(tmp_path / 'weights.pth'), device='cpu')
    given = infer(picture, return_datasamples=True, no_save_vis=True)
    wanted = given['predictions'][0].pred_instances
    objects = found['objects']
    assert len(objects) == len(wanted) > 0
    boxes, scores = wanted.bboxes.numpy(), wanted.scores.numpy()
    # rounding swaps objects of nearly equal score
    labels = np.array([facts['names'].index(it['name']) for it in objects])
    found_scores = np.array([it['score'] for it in objects])
    found_boxes = np.array([it['box'] for it in objects])
    gaps = np.abs(boxes - found_boxes[:, None]).max(axis=2)
    gaps += 1e3 * np.abs(scores - found_scores[:, None])
    gaps += 1e6 * (wanted.labels.numpy() != labels[:, None])
    order = gaps.argmin(axis=1)
    assert sorted(order.tolist()) == [*range(len(objects))]
    np.testing.assert_allclose(found_boxes, boxes[order], atol=0.05)
    np.testing.assert_allclose(found_scores, scores[order], rtol=1e-3)
    assert (labels == wanted.labels.numpy()[order]).all()
    assert len({*labels.tolist()}) == classes
    if 'masks' in wanted:
        masks = wanted.masks.numpy()[order]
        assert (found['masks'] == masks).mean() > 0.9999
        assert found['masks'].any()
        assert found['objects'][0]['outlines']
    assert found['picture'].shape == picture.shape
