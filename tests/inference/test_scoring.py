"""Scores of exported files are those of the models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils._pytree import tree_leaves

from hrnet_mm.building import build_model
from hrnet_mm.cli import main
from hrnet_mm.inference import export, scoring, standalone
from hrnet_mm.inference.export import FORMATS, exported
from hrnet_mm.inference.model_facts import read_facts

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAVES = {
    'mmpose': 'pose/hrnet_w18_small_v1_tiny-pose.py',
    'landmarks': 'pose/hrnetv2_w18_small_v1_tiny-heads.py',
    'mmseg': 'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    'depth': 'seg/hrnetv2-depth_w18_small_v1_tiny-depth.py',
    'mmpretrain': 'cls/hrnetc_w18_small_v1_tiny-cls.py',
    'mmdet': 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
}


@pytest.fixture
def cfg(monkeypatch, tiny_people):
    """A config with data."""

    def read(kind: str) -> Config:
        monkeypatch.setenv('TINY_PEOPLE', str(tiny_people))
        cfg = Config.fromfile(CONFIGS / LEAVES[kind])
        pytest.importorskip(cfg.default_scope)
        init_default_scope(cfg.default_scope)
        return cfg

    return read


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A folder with a model that runs in torch, and the facts of a file."""

    def write(model, facts) -> Path:
        function = exported(model, facts['task'])

        @torch.no_grad()
        def run(*inputs):
            assert len(inputs[0]) == facts['batch'] or facts['dynamic']
            outputs = tree_leaves(function(*map(torch.from_numpy, inputs)))
            return [it.numpy() for it in outputs]

        monkeypatch.setattr(standalone, 'load', lambda path: run)
        (tmp_path / 'model.json').write_text(json.dumps(facts))
        return tmp_path / 'model.onnx'

    return write


def predictions(samples) -> list[np.ndarray]:
    """Return what a metric reads of the results of a batch."""
    found = []
    for sample in samples:
        for name in ('pred_instances', 'pred_sem_seg', 'pred_depth_map'):
            if name in sample:
                items = sample.get(name).all_items()
                found += [np.asarray(value) for _, value in sorted(items)]
        if 'pred_score' in sample:
            found.append(sample.pred_score.numpy())
    return found


@pytest.mark.parametrize('dynamic', [True, False])
@pytest.mark.parametrize('kind', LEAVES)
def test_a_file_predicts_what_the_model_predicts(kind, dynamic, cfg, randomised, file):
    config = cfg(kind)
    model = randomised(build_model(config))
    facts = read_facts(config) | dict(dynamic=dynamic, batch=3)
    if kind == 'mmdet':
        facts['size'] = [160, 192]
        # rounding must not choose between objects of equal score
        model.rpn_head.rpn_cls.weight.data *= 0.1
        torch.nn.init.normal_(model.roi_head.bbox_head.fc_cls.weight)
    config.test_dataloader.batch_size = 4
    data = next(iter(Runner.build_dataloader(config.test_dataloader)))
    with torch.no_grad():
        wanted = predictions(model.test_step(data))
    stand_in = scoring.FileModel(str(file(model, facts)), config.model)
    found = predictions(stand_in.test_step(data))
    assert len(found) == len(wanted) >= 4
    for a, b in zip(found, wanted, strict=True):
        if b.dtype.kind == 'f':
            np.testing.assert_allclose(a, b, atol=0.02, rtol=1e-3)
        else:
            assert (a == b).mean() > 0.999


def test_flip_tests_flip_for_the_file(cfg, randomised, file):
    config = cfg('mmpose')
    config.model.test_cfg.flip_test = True
    model = randomised(build_model(config))
    facts = read_facts(config) | dict(dynamic=True, batch=1)
    data = next(iter(Runner.build_dataloader(config.test_dataloader)))
    with torch.no_grad():
        wanted = predictions(model.test_step(data))
    stand_in = scoring.FileModel(str(file(model, facts)), config.model)
    for a, b in zip(predictions(stand_in.test_step(data)), wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=0.02, rtol=1e-3)


def test_a_file_of_another_size_is_refused(cfg, file):
    config = cfg('mmpose')
    facts = read_facts(config) | dict(dynamic=False, batch=1, size=[64, 64])
    path = file(build_model(config), facts)
    with pytest.raises(ValueError, match=r'takes images of 64 x 64 .* --dynamic'):
        scoring.score(config, file=path)


def test_images_of_detectors_are_padded_to_the_size_of_a_file(monkeypatch):
    monkeypatch.setattr(standalone, 'load', lambda path: lambda *inputs: inputs)
    facts = dict(task='detection', dynamic=False, batch=2, size=[6, 8])
    function = scoring.ExportedFile(Path('x.onnx'), facts)
    images, sizes = function.run(torch.ones(3, 1, 4, 8), torch.full((3, 2), 4.0))
    assert images.shape == (3, 1, 6, 8)
    assert images[:, :, 4:].sum() == 0
    assert sizes.shape == (3, 2)
    with pytest.raises(ValueError, match='takes images of 6 x 8 pixels'):
        function.run(torch.ones(1, 1, 8, 8), torch.ones(1, 2))


@pytest.mark.jobs
@pytest.mark.skipif(not export.can_trace(), reason='export needs torch >= 2.6')
def test_the_command_prints_both_scores(cfg, randomised, tmp_path):
    for package in FORMATS['onnx'].needs:
        pytest.importorskip(package)
    leaf = str(CONFIGS / LEAVES['mmpretrain'])
    weights = str(tmp_path / 'weights.pth')
    torch.save(randomised(build_model(cfg('mmpretrain'))).state_dict(), weights)
    options = ['--format', 'onnx', '--output', str(tmp_path / 'new')]
    done = CliRunner().invoke(main, ['export', leaf, weights, *options])
    assert done.exit_code == 0, done.output
    command = ['score', str(tmp_path / 'new/model.onnx'), leaf, weights]
    done = CliRunner().invoke(main, [*command, '--json'])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['file'] == pytest.approx(found['model'])
    assert found['file']['accuracy/top1'] > 0
