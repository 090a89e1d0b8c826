"""Files of every family load whole, and compute here what they computed there."""

from __future__ import annotations

import importlib

import official
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from hrnet_mm.checkpoints import CheckpointError, read

TOLERANCE = 1e-5  # of the largest value
C = [16, 32, 64, 128]
NORM = dict(type='BN')


def trunk(mode: str = 'nearest', align_corners: bool | None = None, **kwargs) -> dict:
    cfg = dict(mode=mode)
    if align_corners is not None:
        cfg['align_corners'] = align_corners
    return dict(type='hrnet_mm.HRNet', arch='w18_small_v1', upsample_cfg=cfg, **kwargs)


def seg_head(type: str, corners: bool, **kwargs) -> dict:
    return dict(
        type=f'hrnet_mm.{type}',
        in_channels=240,
        in_index=0,
        num_classes=19,
        norm_cfg=NORM,
        align_corners=corners,
        **kwargs,
    )


def ours(library: str, **parts: dict) -> nn.Module:
    """The parts as one module, by the names of the library."""
    pytest.importorskip(library)
    if library == 'mmseg':
        importlib.import_module('hrnet_mm.seg')
    init_default_scope(library)
    built = {
        name: nn.ModuleList(map(MODELS.build, cfg))
        if isinstance(cfg, list)
        else MODELS.build(cfg)
        for name, cfg in parts.items()
    }
    return nn.ModuleDict(built)


def load(model: nn.Module, path) -> str:
    from hrnet_mm.checkpoints.pretrained import Pretrained

    Pretrained(str(path))(model)
    return model.eval()


def save(model: nn.Module, path, prefix: str = '', **more):
    state = {f'{prefix}{k}': v for k, v in model.state_dict().items()} | more
    torch.save(state, path)
    return path


def assert_equal(got, wanted):
    assert (got - wanted).abs().max() <= TOLERANCE * wanted.abs().max()


IMAGE = torch.rand(2, 3, 64, 96)


def test_pose(tmp_path, randomised):
    theirs = randomised(official.Pose()).eval()
    path = save(theirs, tmp_path / 'x.pth')
    model = ours(
        'mmpose',
        backbone=trunk(multiscale_output=False),
        head=dict(
            type='HeatmapHead',
            in_channels=16,
            out_channels=17,
            deconv_out_channels=None,
            loss=dict(type='KeypointMSELoss'),
        ),
    )
    load(model, path)
    assert_equal(model['head'](model['backbone'](IMAGE)), theirs(IMAGE))
    found = read(path)
    assert found.family.name == 'official pose'
    assert (found.trunk.arch, found.representation) == ('w18_small_v1', 'V1')
    assert (found.num_outputs, found.upsampling) == (17, dict(mode='nearest'))


def test_landmarks(tmp_path, randomised):
    theirs = randomised(official.Landmarks()).eval()
    path = save(theirs, tmp_path / 'x.pth', 'module.')
    model = ours(
        'mmpose',
        backbone=trunk('bilinear', False),
        neck=dict(type='hrnet_mm.HRNetV2'),
        head=dict(
            type='HeatmapHead',
            in_channels=240,
            out_channels=19,
            deconv_out_channels=None,
            conv_out_channels=(240,),
            conv_kernel_sizes=(1,),
            loss=dict(type='KeypointMSELoss'),
        ),
    )
    load(model, path)
    feats = model['neck'](model['backbone'](IMAGE))
    assert_equal(model['head'](feats), theirs(IMAGE))
    found = read(path)
    assert found.family.name == 'official landmarks'
    assert (found.representation, found.num_outputs) == ('V2', 19)
    assert found.upsampling == dict(mode='bilinear', align_corners=False)


@pytest.mark.parametrize('bias', [True, 'auto'])
@pytest.mark.parametrize('era', ['torch 0.4', 'torch 1.1'])
def test_segmentation(era, bias, tmp_path, randomised):
    theirs = randomised(official.Segmentation())
    scales = [m.weight for m in theirs.modules() if isinstance(m, nn.BatchNorm2d)]
    loss = {'loss.criterion.weight': torch.ones(19)}
    path = save(theirs, tmp_path / 'x.pth', 'model.', **loss)
    if era == 'torch 0.4':  # InPlaceABN scales by the absolute value
        state = torch.load(path, weights_only=True)
        for name, value in theirs.named_parameters():
            if any(value is scale for scale in scales):
                state[f'model.{name}'] = 1e-5 - value.detach()
        state = {k: v for k, v in state.items() if not k.endswith('tracked')}
        torch.save(dict(epoch=484, state_dict=state), path)
    model = ours(
        'mmseg',
        backbone=trunk('bilinear', False),
        neck=dict(type='hrnet_mm.HRNetV2'),
        decode_head=seg_head('HRNetV2Head', False, bias=bias),
    )
    load(model, path)
    feats = model['neck'](model['backbone'](IMAGE))
    assert_equal(model['decode_head'](feats), theirs.eval()(IMAGE))
    found = read(path)
    assert found.family.name == 'official segmentation'
    assert (found.representation, found.num_outputs) == ('V2', 19)
    assert found.unused == ('loss.criterion.weight',)


@pytest.mark.parametrize(
    ('classes', 'corners'), [(19, False), (150, True), (171, True)]
)
def test_interpolation_of_official_segmentation(classes, corners, tmp_path):
    path = save(official.Segmentation(classes), tmp_path / 'x.pth', 'model.')
    assert read(path).upsampling == dict(mode='bilinear', align_corners=corners)


def test_ocr(tmp_path, randomised):
    theirs = randomised(official.OCR()).eval()
    path = save(theirs, tmp_path / 'x.pth', 'model.')
    model = ours(
        'mmseg',
        backbone=trunk('bilinear', True),
        neck=dict(type='hrnet_mm.HRNetV2', align_corners=True),
        decode_head=[
            seg_head('HRNetV2Head', True),
            seg_head('OCRHead', True, channels=512, ocr_channels=256),
        ],
    )
    load(model, path)
    feats = model['neck'](model['backbone'](IMAGE))
    first, second = model['decode_head']
    logits = first(feats)
    for got, wanted in zip([logits, second(feats, logits)], theirs(IMAGE), strict=True):
        assert_equal(got, wanted)
    found = read(path)
    assert found.family.name == 'official OCR'
    assert found.upsampling == dict(mode='bilinear', align_corners=True)
    assert found.num_outputs == 19


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('head_bias', [True, False])
def test_classification(head_bias, bias, tmp_path, randomised):
    """Files without the biases are those that PaddlePaddle distilled (`ssld`)."""
    theirs = randomised(official.Classifier(10, head_bias)).eval()
    path = save(theirs, tmp_path / 'x.pth')
    model = ours(
        'mmpretrain',
        backbone=trunk(),
        neck=[
            dict(type='hrnet_mm.HRNetC', in_channels=C, bias=bias),
            dict(type='GlobalAveragePooling'),
        ],
        head=dict(type='LinearClsHead', in_channels=2048, num_classes=10),
    )
    load(model, path)
    widen, pool = model['neck']
    feats = pool(widen(model['backbone'](IMAGE)))
    assert_equal(model['head'](feats), theirs(IMAGE))
    found = read(path)
    assert found.family.name == 'official ImageNet'
    assert (found.representation, found.num_outputs) == ('C', 10)


def test_timm_s_safetensors(tmp_path, randomised):
    from safetensors.torch import save_file

    theirs = randomised(official.Classifier())
    save_file(theirs.state_dict(), tmp_path / 'model.safetensors')
    found = read(tmp_path / 'model.safetensors')
    assert found.family.name == 'official ImageNet'
    assert torch.equal(found.tensors['backbone.conv1.weight'], theirs.conv1.weight)


@pytest.mark.parametrize('joints', [17, 14])
def test_higherhrnet_in_16_bits(joints, tmp_path, randomised):
    """The 640 models were saved inside the wrapper of mixed precision."""
    theirs = randomised(official.HigherHRNet(joints)).half()
    path = save(theirs, tmp_path / 'x.pth', '1.')
    found = read(path)
    assert found.family.name == 'official HigherHRNet'
    assert found.half
    assert all(v.dtype in (torch.float32, torch.int64) for v in found.tensors.values())
    assert found.num_outputs == joints
    assert len(found.tensors) == len(theirs.state_dict())


def test_mmpose_0(tmp_path):
    names = {'final_layers': 'head.final_layers', 'deconv_layers': 'head.deconv_layers'}
    state = {
        f'{"keypoint_head" if key.split(".")[0] in names else "backbone"}.{key}': value
        for key, value in official.HigherHRNet().state_dict().items()
    }
    torch.save(dict(meta={}, state_dict=state), tmp_path / 'x.pth')
    found = read(tmp_path / 'x.pth')
    assert found.family.name == 'mmpose 0.x'
    assert set(found.tensors) == {
        key.replace('keypoint_head.', 'head.') for key in state
    }


def test_landmarks_of_mmpose_0(tmp_path):
    """Its heads had all layers in one sequence."""
    state = official.Landmarks().state_dict()
    old = {
        f'keypoint_head.final_layer.{k.removeprefix("head.")}'
        if k.startswith('head.')
        else f'backbone.{k}': v
        for k, v in state.items()
    }
    torch.save(dict(state_dict=old), tmp_path / 'x.pth')
    torch.save(state, tmp_path / 'official.pth')
    found, wanted = read(tmp_path / 'x.pth'), read(tmp_path / 'official.pth')
    assert found.family.name == 'mmpose 0.x landmarks'
    assert found.upsampling == wanted.upsampling
    assert found.tensors.keys() == wanted.tensors.keys()
    for name, value in wanted.tensors.items():
        assert torch.equal(found.tensors[name], value)


def test_the_trunks_that_the_pose_repository_begins_with(tmp_path):
    """An earlier classifier, of which nothing but the trunk was ever used."""
    state = official.Trunk().state_dict()
    unused = {f'head.0.{i}.0.conv1.weight': torch.rand(1) for i in range(4)}
    torch.save(state | unused, tmp_path / 'x.pth')
    found = read(tmp_path / 'x.pth')
    assert found.family.name == 'official ImageNet for pose'
    assert set(found.tensors) == {f'backbone.{name}' for name in state}
    assert set(found.unused) == set(unused)
    assert found.upsampling == dict(mode='nearest')


@pytest.mark.parametrize('there', ['Classifier', 'Pose', 'OCR', 'HigherHRNet'])
@pytest.mark.parametrize('multiscale_output', [True, False])
def test_the_trunk_of_any_task_begins_any_other(
    there, multiscale_output, tmp_path, randomised
):
    theirs = randomised(getattr(official, there)())
    path = save(theirs, tmp_path / 'x.pth')
    cfg = trunk(multiscale_output=multiscale_output)
    model = MODELS.build(cfg)
    load(model, path)
    state = theirs.state_dict()
    shared = [name for name in model.state_dict() if name in state]
    assert len(shared) >= 348  # all, but for the lower streams of the last exchange
    for name in shared:
        assert torch.equal(model.state_dict()[name], state[name])


def test_the_trunk_of_dekr(tmp_path):
    state = official.Trunk().state_dict()
    state |= {
        f'{name}.0.weight': torch.rand(2, 2, 1, 1)
        for name in ('transition_heatmap', 'transition_offset', 'offset_final_layer')
    }
    torch.save(state, tmp_path / 'x.pth')
    found = read(tmp_path / 'x.pth')
    assert found.family.name == 'official DEKR'
    assert len(found.unused) == 3


def test_a_key_in_no_table_is_an_error(tmp_path):
    path = save(official.Pose(), tmp_path / 'x.pth', extra=torch.rand(1))
    with pytest.raises(CheckpointError) as error:
        read(path)
    assert "'official pose', but 1 of its " in str(error.value)
    assert 'unknown names: extra' in str(error.value)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (
            lambda s: s.pop('stage2.0.branches.1.0.bn1.bias'),
            'lacks stage2.0.branches.1',
        ),
        (
            lambda s: s.update({'stage4.0.odd': s['conv1.weight']}),
            'unknown stage4.0.odd',
        ),
        (lambda s: s.pop('layer1.0.conv1.weight'), 'layer1.0.conv1.weight'),
        (lambda s: s.update({'bn1.bias': torch.rand(3)}), r'bn1.bias of \(3,\), not'),
        (lambda s: s.update({'bn1.bias': s['bn1.bias'].long()}), 'torch.int64'),
        (lambda s: s['bn1.bias'].fill_(float('inf')), 'bn1.bias is not finite'),
    ],
)
def test_a_trunk_that_is_not_whole_is_refused(damage, message, tmp_path):
    state = official.Trunk().state_dict()
    damage(state)
    torch.save(state, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path / 'x.pth')


@pytest.mark.parametrize(
    ('structure', 'arch'),
    [
        (dict(), 'w18_small_v1'),
        (dict(width=18, modules=(1, 3, 2), stem=(2, 64)), 'w18_small_v2'),
        (dict(width=18, modules=(1, 4, 3), stem=(4, 64), blocks=4), 'w18'),
        (dict(width=20), None),
    ],
)
def test_the_arch_is_read_off_the_tensors(structure, arch, tmp_path):
    path = save(official.Pose(**structure), tmp_path / 'x.pth')
    found = read(path).trunk
    assert found.arch == arch
    assert found.width == structure.get('width', 16)
