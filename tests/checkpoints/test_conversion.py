"""``hrnet-mm convert`` and ``hrnet-mm inspect``: there and back changes nothing."""

from __future__ import annotations

import io
import json
import os
from types import SimpleNamespace

import official
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from hrnet_mm.checkpoints import CheckpointError, convert, read
from hrnet_mm.cli import checkpoints, main


@pytest.fixture
def command(monkeypatch):
    """Run ``hrnet-mm ARGS`` here; return what it printed, and its exit code."""

    def run(*args):
        table = io.StringIO()
        monkeypatch.setattr(checkpoints, 'console', Console(file=table, width=120))
        result = CliRunner().invoke(main, [*map(str, args)])
        return SimpleNamespace(
            exit_code=result.exit_code, output=result.output + table.getvalue()
        )

    return run


def state_of(path):
    content = torch.load(path, weights_only=True)
    return content.get('state_dict', content)


def assert_same(got, wanted):
    assert set(got) == set(wanted)
    for name, value in wanted.items():
        assert torch.equal(got[name], value), name


OFFICIAL = {
    'pose': (official.Pose, ''),
    'higherhrnet': (official.HigherHRNet, ''),
    'landmarks': (official.Landmarks, ''),
    'segmentation': (official.Segmentation, 'model.'),
    'ocr': (official.OCR, 'model.'),
    'classification': (official.Classifier, ''),
    'trunk': (official.Trunk, ''),
}


@pytest.mark.parametrize('layout', OFFICIAL)
def test_official_files_there_and_back(layout, tmp_path, randomised):
    network, prefix = OFFICIAL[layout]
    state = randomised(network()).state_dict()
    state = {f'{prefix}{name}': value for name, value in state.items()}
    torch.save(state, tmp_path / 'there.pth')
    convert(tmp_path / 'there.pth', tmp_path / 'back.pth', 'official')
    assert_same(state_of(tmp_path / 'back.pth'), state)


@pytest.mark.parametrize(
    ('layout', 'library'),
    [
        ('pose', 'mmpose'),
        ('higherhrnet', 'mmpose'),
        ('landmarks', 'mmpose'),
        ('segmentation', 'mmseg'),
        ('ocr', 'mmseg'),
        ('classification', 'mmpretrain'),
    ],
)
def test_openmmlab_s_files_there_and_back(layout, library, tmp_path, randomised):
    """Biases before norms are folded; back, zeros stand there for strict loading."""
    network, prefix = OFFICIAL[layout]
    state = randomised(network()).state_dict()
    torch.save({f'{prefix}{k}': v for k, v in state.items()}, tmp_path / 'x.pth')
    paths = [tmp_path / name for name in ('x.pth', 'mm.pth', 'y.pth', 'mm2.pth')]
    targets = (library, 'official', library)
    for source, target, to in zip(paths, paths[1:], targets, strict=False):
        convert(source, target, to)
    assert set(state_of(paths[2])) == set(state_of(paths[0]))
    there, back = read(paths[1]), read(paths[3])
    assert there.family.name == back.family.name == library
    assert_same(back.tensors, there.tensors)
    assert not any(name.endswith('.conv.bias') for name in there.tensors)
    assert back.upsampling == read(paths[0]).upsampling


def faster_rcnn(classes: int, background_first: bool, cascade: bool = False):
    """Trunk, pyramid and heads by the names of either era of mmdetection."""
    old = background_first
    state = {f'backbone.{k}': v for k, v in official.Trunk().state_dict().items()}
    neck = {'reduction_conv': (256, 240, 1, 1)}
    neck |= {f'fpn_conv.{i}': (256, 256, 3, 3) for i in range(5)}
    for name, shape in neck.items():
        name = (
            name.replace('reduction_conv', 'reduction_conv.0')
            if old
            else (name.replace('fpn_conv', 'fpn_convs') + '.conv')
        )
        state[f'neck.{name}.weight'] = torch.rand(shape)
        state[f'neck.{name}.bias'] = torch.rand(shape[0])
    state['rpn_head.rpn_conv.weight'] = torch.rand(256, 256, 3, 3)
    roi = '' if old else 'roi_head.'
    scores = classes + 1
    boxes = 4 if cascade else 4 * (scores if old else classes)
    for stage in ('0.', '1.', '2.') if cascade else ('',):
        box = f'{roi}bbox_head.{stage}'
        for name, n in {'fc_cls': scores, 'fc_reg': boxes}.items():
            state[f'{box}{name}.weight'] = torch.rand(n, 1024)
            state[f'{box}{name}.bias'] = torch.rand(n)
    masks = scores if old else classes
    state[f'{roi}mask_head.conv_logits.weight'] = torch.rand(masks, 256, 1, 1)
    state[f'{roi}mask_head.conv_logits.bias'] = torch.rand(masks)
    return state


@pytest.mark.parametrize('separable', [True, False])
def test_files_of_detectron2_there_and_back(separable, tmp_path, randomised):
    network = randomised(official.PanopticDeepLab(19, separable)).eval()
    state = network.state_dict()
    torch.save(dict(model=state, iteration=9), tmp_path / 'there.pth')
    found = read(tmp_path / 'there.pth')
    assert found.family.name == 'detectron2 Panoptic-DeepLab'
    assert found.upsampling == dict(mode='bilinear', align_corners=True)
    pytest.importorskip('mmdet')
    from hrnet_mm.det import DeepLabInstanceHead, DeepLabSemanticHead

    widths, how = [16, 32, 64, 128], dict(separable=separable, pool_size=(2, 3))
    heads = dict(
        semantic_head=DeepLabSemanticHead(widths, 19, **how).eval(),
        instance_head=DeepLabInstanceHead(widths, **how).eval(),
    )
    for name, head in heads.items():
        part = {
            k.removeprefix(f'{name}.'): v
            for k, v in found.tensors.items()
            if k.startswith(f'{name}.')
        }
        head.load_state_dict(part, strict=True)
    streams = [torch.randn(1, 16 << i, 32 >> i, 48 >> i) for i in range(4)]
    with torch.no_grad():
        wanted = network.heads(streams)
        got = heads['semantic_head'](streams), *heads['instance_head'](streams)
    # things are classes 11 to 18 of Cityscapes, and come first in MMDetection
    logits = torch.cat([wanted[0][:, 11:], wanted[0][:, :11]], dim=1)
    for ours, theirs in zip(got, (logits, *wanted[1:]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    convert(tmp_path / 'there.pth', tmp_path / 'back.pth', 'official')
    kept = {k: v for k, v in state.items() if not k.startswith('pixel_')}
    assert_same(state_of(tmp_path / 'back.pth'), kept)


@pytest.mark.parametrize('cascade', [False, True])
def test_old_detectors_counted_background_first(cascade, tmp_path):
    state = faster_rcnn(80, True, cascade)
    torch.save(dict(state_dict=state), tmp_path / 'old.pth')
    found = read(tmp_path / 'old.pth')
    assert found.family.name == 'official detection'
    assert (found.representation, found.num_outputs) == ('V2p', 80)
    assert set(found.tensors) == set(faster_rcnn(80, False, cascade))
    for stage in ('0.', '2.') if cascade else ('',):
        for tensor in ('weight', 'bias'):
            old = state[f'bbox_head.{stage}fc_cls.{tensor}']
            new = found.tensors[f'roi_head.bbox_head.{stage}fc_cls.{tensor}']
            assert torch.equal(new[80], old[0])
            assert torch.equal(new[:80], old[1:])
            old = state[f'bbox_head.{stage}fc_reg.{tensor}']
            new = found.tensors[f'roi_head.bbox_head.{stage}fc_reg.{tensor}']
            assert torch.equal(new, old if cascade else old[4:])
    old = state['mask_head.conv_logits.bias']
    assert torch.equal(found.tensors['roi_head.mask_head.conv_logits.bias'], old[1:])


@pytest.mark.parametrize('cascade', [False, True])
def test_detectors_there_and_back(cascade, tmp_path):
    state = faster_rcnn(80, False, cascade)
    torch.save(dict(state_dict=state), tmp_path / 'x.pth')
    convert(tmp_path / 'x.pth', tmp_path / 'old.pth', 'official')
    assert set(state_of(tmp_path / 'old.pth')) == set(faster_rcnn(80, True, cascade))
    convert(tmp_path / 'old.pth', tmp_path / 'back.pth', 'mmdet')
    assert_same(state_of(tmp_path / 'back.pth'), state)


def test_to_another_task_goes_the_trunk_alone(tmp_path, command):
    torch.save(official.Classifier().state_dict(), tmp_path / 'x.pth')
    result = command(
        'convert', tmp_path / 'x.pth', tmp_path / 'y.pth', '--to', 'mmpose'
    )
    assert result.exit_code == 0
    assert 'left out, not used there: head (2), neck (124)' in result.output
    names = official.Trunk().state_dict()
    wanted = {k: v for k, v in state_of(tmp_path / 'x.pth').items() if k in names}
    assert_same(state_of(tmp_path / 'y.pth'), wanted)
    assert 'last exchange' not in result.output


def test_the_report_tells_what_a_trunk_with_one_output_lacks(tmp_path, command):
    torch.save(official.Pose().state_dict(), tmp_path / 'x.pth')
    result = command('convert', tmp_path / 'x.pth', tmp_path / 'y.pth', '--to', 'mmdet')
    assert result.exit_code == 0
    assert 'the last exchange of streams 1 to 3' in ' '.join(result.output.split())


def test_safetensors_there_and_back(tmp_path, command):
    state = official.Classifier().state_dict()
    torch.save(state, tmp_path / 'x.pth')
    there, back = tmp_path / 'y.safetensors', tmp_path / 'z.pth'
    assert command('convert', tmp_path / 'x.pth', there, '--to', 'timm').exit_code == 0
    assert command('convert', there, back, '--to', 'official').exit_code == 0
    assert_same(state_of(back), state)


def test_names_of_classes_are_kept(tmp_path):
    meta = dict(dataset_meta=dict(classes=('person',)))
    state = {f'backbone.{k}': v for k, v in official.Trunk().state_dict().items()}
    torch.save(dict(meta=meta, state_dict=state), tmp_path / 'x.pth')
    convert(tmp_path / 'x.pth', tmp_path / 'y.pth', 'mmdet')
    kept = torch.load(tmp_path / 'y.pth', weights_only=True)['meta']
    assert kept['dataset_meta'] == meta['dataset_meta']


def test_what_is_there_is_not_overwritten(tmp_path, command):
    torch.save(official.Pose().state_dict(), tmp_path / 'x.pth')
    (tmp_path / 'y.pth').write_text('the only copy')
    result = command('convert', tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert result.exit_code == 2
    assert 'y.pth exists' in result.output
    assert (tmp_path / 'y.pth').read_text() == 'the only copy'


def test_a_crash_leaves_no_half_file(tmp_path, monkeypatch):
    def crash(file):
        assert len(os.listdir(tmp_path)) == 2
        raise KeyboardInterrupt

    torch.save(official.Pose().state_dict(), tmp_path / 'x.pth')
    monkeypatch.setattr(os, 'fsync', crash)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / 'x.pth', tmp_path / 'y.pth', 'mmpose')
    assert os.listdir(tmp_path) == ['x.pth']


def test_an_unknown_target_is_named(tmp_path, command):
    torch.save(official.Pose().state_dict(), tmp_path / 'x.pth')
    result = command('convert', tmp_path / 'x.pth', tmp_path / 'y.pth', '--to', 'keras')
    assert result.exit_code == 2
    assert "'keras' is not one of ['mmpose', 'mmseg'" in result.output


def test_heads_alone_convert_to_no_trunk(tmp_path):
    head = {'head.final_layer.weight': torch.rand(17, 16, 1, 1)}
    torch.save(head, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match='without a trunk'):
        convert(tmp_path / 'x.pth', tmp_path / 'y.pth', 'mmseg')


def test_inspect_says_what_loads_where(tmp_path, command):
    torch.save(official.Landmarks(98).state_dict(), tmp_path / 'x.pth')
    found = json.loads(command('inspect', tmp_path / 'x.pth', '--json').output)
    assert found['family'] == 'official landmarks'
    assert (found['arch'], found['width'], found['outputs']) == ('w18_small_v1', 16, 98)
    assert found['converts_to'] == ['mmpose', 'official']
    backbone, head = found['parts']
    assert backbone['tensors'] == len(official.Trunk().state_dict())
    assert backbone['parameters'] == sum(
        p.numel() for p in official.Trunk().parameters()
    )
    assert "dict(mode='bilinear'" in backbone['loads_into']
    assert head['loads_into'] == 'the head of mmpose'


def test_inspect_prints_a_table(tmp_path, command):
    torch.save(official.OCR().state_dict(), tmp_path / 'x.pth')
    result = command('inspect', tmp_path / 'x.pth')
    assert result.exit_code == 0
    for words in ('official OCR', 'segmentation, 19 classes', 'HRNetV2Head'):
        assert words in result.output
