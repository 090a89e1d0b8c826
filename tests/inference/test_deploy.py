"""Deployed models compute what they were made from."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from batches import detection_batch
from mmengine import fileio
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_flatten

import hrnet_mm
import hrnet_mm.inference.deploy as deploy_module
from hrnet_mm.inference.fused_conv import FusedConv
from hrnet_mm.models import HRNet, HRNetV2p

SMALL = 'w18_small_v1'
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
MODELS_BY_LIBRARY = {
    'mmpose': 'pose/hrnet_w18_small_v1_tiny-pose.py',
    'mmseg': 'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    'mmdet': 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'mmpretrain': 'cls/hrnetc_w18_small_v1_tiny-cls.py',
}


def image(*size: int, n: int = 2) -> torch.Tensor:
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(1))


def exact(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What a trunk should put out, in double precision."""
    with torch.no_grad():
        return copy.deepcopy(model).eval().double()(x.double())


def check_close(got, wanted, tolerance: float = 1e-4) -> None:
    """The largest error is small against the largest value."""
    assert len(got) == len(wanted)
    for y, truth in zip(got, wanted, strict=True):
        assert y.shape == truth.shape
        error = (y.double() - truth).abs().max() / truth.abs().max()
        assert error <= tolerance


@pytest.fixture
def trunk(randomised) -> HRNet:
    return randomised(HRNet(SMALL))


@pytest.mark.parametrize('size', [(64, 64), (33, 47), (70, 90)])
@pytest.mark.parametrize(
    'changes',
    [
        {},
        dict(multiscale_output=False),
        dict(upsample_cfg=dict(mode='bilinear', align_corners=False)),
        dict(with_cp=True, norm_eval=True),
    ],
    ids=['v2', 'v1', 'bilinear', 'with_cp'],
)
def test_a_trunk_is_within_rounding_of_double_precision(size, changes, randomised):
    model = randomised(HRNet(SMALL, **changes))
    x = image(*size)
    check_close(hrnet_mm.deploy(model)(x), exact(model, x), 1e-5)


@pytest.mark.parametrize('arch', ['w18_small_v2', 'w18'])
def test_bottlenecks_and_repeated_modules(arch, randomised):
    model = randomised(HRNet(arch))
    check_close(hrnet_mm.deploy(model)(image(64, 64)), exact(model, image(64, 64)))


def test_the_model_and_its_input_are_left_alone(trunk):
    trunk.train()
    before = copy.deepcopy(trunk.state_dict())
    x = image(64, 64)
    given = x.clone()
    fast = hrnet_mm.deploy(trunk)
    fast(x)
    assert torch.equal(x, given)
    assert trunk.training
    assert all(p.requires_grad for p in trunk.parameters())
    assert before.keys() == trunk.state_dict().keys()
    for key, value in trunk.state_dict().items():
        assert torch.equal(value, before[key])
        assert value.stride() == before[key].stride()
    trunk.conv1.weight.data.zero_()
    assert not torch.equal(fast(x)[0], trunk.eval()(x)[0])


def test_results_are_not_overwritten_by_the_next_ones(trunk):
    fast = hrnet_mm.deploy(trunk, sizes=[(2, 3, 64, 64)])
    first = fast(image(64, 64))
    kept = [y.clone() for y in first]
    fast(image(64, 64) * 2)
    assert all(torch.equal(y, k) for y, k in zip(first, kept, strict=True))


def test_batch_norms_and_additions_are_gone(trunk):
    fast = hrnet_mm.deploy(trunk)
    kinds = {type(module) for module in fast.modules()}
    assert FusedConv in kinds
    assert not kinds & {nn.Conv2d, nn.ReLU, nn.BatchNorm2d}
    steps = [node for node in fast.fused.graph.nodes if node.op == 'call_module']
    blocks = [step for step in steps if len(step.args) == 2]
    # 1 + 2 + 3 + 4 branches of two blocks, whose second convolution adds
    assert len(blocks) >= 2 * (1 + 2 + 3 + 4)


def test_it_is_for_inference_whatever_mode_the_model_is_in(trunk):
    fast = hrnet_mm.deploy(trunk.train())
    assert not any(module.training for module in fast.modules())
    check_close(fast(image(64, 64)), exact(trunk, image(64, 64)))


def test_other_norms_stay(randomised):
    model = randomised(HRNet(SMALL, norm_cfg=dict(type='GN', num_groups=2)))
    fast = hrnet_mm.deploy(model)
    assert any(isinstance(module, nn.GroupNorm) for module in fast.modules())
    check_close(fast(image(64, 64)), exact(model, image(64, 64)))


def test_a_wrong_input_is_told_as_the_trunk_tells_it(trunk):
    for model in (trunk, hrnet_mm.deploy(trunk)):
        with pytest.raises(ValueError, match=r'HRNet got .* takes \(N, 3, H, W\)'):
            model(torch.rand(1, 4, 64, 64))


@pytest.mark.parametrize('x', [image(64, 64), image(64, 64).half().float()[:, :, ::2]])
def test_compiled_sizes_and_all_others_are_right(trunk, x):
    fast = hrnet_mm.deploy(trunk, sizes=[(2, 3, 64, 64)])
    for _ in range(3):
        check_close(fast(x), exact(trunk, x), 1e-5)


def test_what_cannot_be_compiled_is_said_and_computed(trunk, monkeypatch):
    def fail(*args):
        raise RuntimeError('no such backend')

    monkeypatch.setattr(deploy_module, 'capture', fail)
    fast = hrnet_mm.deploy(trunk, sizes=[(2, 3, 64, 64)])
    x = image(64, 64)
    with pytest.warns(UserWarning, match=r'\(2, 3, 64, 64\) could not be .* backend'):
        y = fast(x)
    check_close(y, exact(trunk, x))


@pytest.mark.parametrize('has', [True, False])
def test_without_onednn_the_same_is_computed(trunk, has, monkeypatch):
    fast = hrnet_mm.deploy(trunk)
    with torch.backends.mkldnn.flags(enabled=has):
        check_close(fast(image(64, 64)), exact(trunk, image(64, 64)))


def test_bfloat16_where_the_processor_has_none_is_float32(trunk, monkeypatch):
    monkeypatch.setattr(deploy_module, 'has_bfloat16_arithmetic', lambda device: False)
    with pytest.warns(UserWarning, match='no bfloat16 on this device'):
        fast = hrnet_mm.deploy(trunk, dtype=torch.bfloat16)
    check_close(fast(image(64, 64)), exact(trunk, image(64, 64)))


def test_bfloat16_keeps_the_type_of_the_input(trunk, monkeypatch):
    monkeypatch.setattr(deploy_module, 'has_bfloat16_arithmetic', lambda device: True)
    fast = hrnet_mm.deploy(trunk, dtype=torch.bfloat16)
    assert {buffer.dtype for buffer in fast.buffers()} == {torch.bfloat16}
    outs = fast(image(64, 64))
    assert {y.dtype for y in outs} == {torch.float32}
    check_close(outs, exact(trunk, image(64, 64)), 0.1)


def test_autocast_changes_nothing(trunk):
    fast = hrnet_mm.deploy(trunk)
    x = image(64, 64)
    with (
        torch.autocast('cpu', dtype=torch.bfloat16),
        torch.backends.mkldnn.flags(enabled=False),  # oneDNN's are not autocast anyway
    ):
        got = fast(x)
    check_close(got, exact(trunk, x), 1e-5)


def test_it_can_be_copied_after_use(trunk):
    fast = hrnet_mm.deploy(trunk, sizes=[(2, 3, 64, 64)])
    x = image(64, 64)
    wanted = fast(x)
    check_close(copy.deepcopy(fast)(x), [y.double() for y in wanted], 1e-6)


def test_what_cannot_be_deployed_is_named(trunk):
    with pytest.raises(ValueError, match=r'Conv2d holds no hrnet_mm\.HRNet.*dropin'):
        hrnet_mm.deploy(nn.Conv2d(3, 3, 1))
    with pytest.raises(ValueError, match=r'float16 is not one of .*bfloat16'):
        hrnet_mm.deploy(trunk, dtype=torch.float16)


def test_a_neck_takes_up_its_norms(randomised):
    norm = dict(norm_cfg=dict(type='BN'))
    trunk = HRNet(SMALL)
    neck = HRNetV2p(list(trunk.out_channels), 32, **norm)
    model = randomised(nn.Sequential(trunk, neck))
    fast = hrnet_mm.deploy(model)
    assert not any(isinstance(module, _BatchNorm) for module in fast.modules())
    check_close(fast(image(64, 64)), exact(model, image(64, 64)))


@pytest.fixture(params=MODELS_BY_LIBRARY)
def whole(request, randomised, monkeypatch, tmp_path) -> nn.Module:
    """A model of a library."""
    pytest.importorskip(request.param)
    monkeypatch.setenv('TINY_PEOPLE', str(tmp_path))
    cfg = Config.fromfile(str(CONFIGS / MODELS_BY_LIBRARY[request.param]))
    init_default_scope(cfg.default_scope)
    return randomised(MODELS.build(cfg.model)).eval()


@torch.no_grad()
def answer(model: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What a model says of images: boxes, or scores before any threshold; masks."""
    if not type(model).__module__.startswith('mmdet'):
        return tree_flatten(model(image(64, 96), None, mode='tensor'))[0], []
    found = [sample.pred_instances for sample in model.test_step(detection_batch())]
    numbers = [y for one in found for y in (one.bboxes, one.scores)]
    return numbers, [one.masks for one in found]


def test_whole_models_say_the_same(whole):
    """In detectors, operators of mmcv read the memory of images as NCHW."""
    fast = hrnet_mm.deploy(whole)
    assert type(fast) is type(whole)
    assert any(isinstance(module, FusedConv) for module in fast.modules())
    (numbers, masks), (true_numbers, true_masks) = answer(fast), answer(whole)
    check_close(numbers, [y.double() for y in true_numbers])
    for mask, truth in zip(masks, true_masks, strict=True):
        # rounding decides about a pixel whose score is at the threshold
        assert (mask != truth).double().mean() < 1e-4


@pytest.fixture
def backbone(randomised) -> HRNet:
    return randomised(
        MODELS.build(dict(type='hrnet_mm.DeployedHRNet', arch=SMALL)).eval()
    )


class TestAsABackbone:
    """`model.backbone.type=hrnet_mm.DeployedHRNet`."""

    def test_weights_are_those_of_the_trunk(self, backbone):
        assert list(backbone.state_dict()) == list(HRNet(SMALL).state_dict())
        with torch.no_grad():
            got = backbone(image(64, 64))
        assert list(backbone.state_dict()) == list(HRNet(SMALL).state_dict())
        check_close(got, exact(backbone, image(64, 64)))
        assert all(y.is_contiguous() for y in got)

    @pytest.mark.parametrize('change', ['load', 'train', 'cast'])
    def test_new_weights_are_seen(self, backbone, change, randomised):
        x = image(64, 64)
        with torch.no_grad():
            before = backbone(x)
            if change == 'load':
                backbone.load_state_dict(randomised(HRNet(SMALL), 1).state_dict())
            elif change == 'train':
                randomised(backbone.train(), 1).eval()
            else:
                randomised(backbone, 1).double().float()
            after = backbone(x)
        assert not torch.equal(before[0], after[0])
        check_close(after, exact(backbone, x))

    def test_training_is_that_of_the_trunk(self, backbone, randomised):
        x = image(64, 64)
        trunk = randomised(HRNet(SMALL)).train()
        for got, wanted in zip(backbone.train()(x), trunk(x), strict=True):
            assert torch.equal(got, wanted)
            assert got.requires_grad

    def test_gradients_flow_in_eval_mode(self, backbone):
        """Where they are wanted: frozen norms, saliency."""
        sum(y.mean() for y in backbone(image(64, 64))).backward()
        assert all(p.grad is not None for p in backbone.parameters())

    def test_it_can_be_copied_after_use(self, backbone):
        with torch.no_grad():
            wanted = backbone(image(64, 64))
            got = copy.deepcopy(backbone)(image(64, 64))
        check_close(got, [y.double() for y in wanted], 1e-6)

    def test_a_wrong_type_is_told_before_anything_runs(self):
        with pytest.raises(ValueError, match=r'float16 is not one of .*bfloat16'):
            MODELS.build(dict(type='hrnet_mm.DeployedHRNet', arch=SMALL, dtype='half'))


@pytest.mark.slow
def test_mim_test_and_an_inferencer_take_one_line(
    tmp_path, write_config, few_people, mim, monkeypatch, randomised
):
    pytest.importorskip('mmpose')
    from mmpose.apis import MMPoseInferencer

    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    leaf = MODELS_BY_LIBRARY['mmpose']
    config = CONFIGS / leaf
    cfg = Config.fromfile(str(config))
    init_default_scope('mmpose')
    weights = tmp_path / 'new.pth'
    torch.save(randomised(MODELS.build(cfg.model)).state_dict(), weights)

    line = "model = dict(backbone=dict(type='hrnet_mm.DeployedHRNet'))"
    picture = str(next((few_people / 'images/val').glob('*')))
    slow, fast = (
        next(MMPoseInferencer(
            str(path), str(weights), device='cpu', det_model='whole_image'
        )(picture))['predictions'][0][0]
        for path in (config, write_config(leaf, line))
    )  # fmt: skip
    for key in ('keypoints', 'keypoint_scores'):
        np.testing.assert_allclose(fast[key], slow[key], rtol=1e-3, atol=1e-3)

    dumps = [tmp_path / 'slow.pkl', tmp_path / 'fast.pkl']
    deployed = ['--cfg-options', 'model.backbone.type=hrnet_mm.DeployedHRNet',
                'model.backbone.sizes=[(4,3,64,48)]']  # fmt: skip
    for dump, options in zip(dumps, ([], deployed), strict=True):
        done = mim('test', 'mmpose', config, '--checkpoint', weights, '--dump', dump,
                   '--work-dir', tmp_path, *options)  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    slow, fast = (
        np.concatenate(
            [one['pred_instances']['keypoints'] for one in fileio.load(dump)]
        )
        for found in map(fileio.load, dumps)
    )
    assert len(slow) > 4
    np.testing.assert_allclose(fast, slow, atol=1e-2)
