"""Deployed models compute what they were made from."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from batches import detection_batch
from mmengine import fileio
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_flatten
from torch.utils.data import Dataset

import hrnet_mm
import hrnet_mm.inference.deploy as deploy_module
from hrnet_mm.inference.deploy import DeployedHRNet
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
    model = randomised(MODELS.build(cfg.model)).eval()
    assert model.backbone.deployed is not None
    return model


def without_copy(model: nn.Module) -> nn.Module:
    """The same model, whose trunk computes inference itself."""
    plain = copy.deepcopy(model)
    plain.backbone.deployed = None
    return plain


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
    check_same_answer(answer(fast), answer(without_copy(whole)))


def check_same_answer(got, wanted) -> None:
    (numbers, masks), (true_numbers, true_masks) = got, wanted
    check_close(numbers, [y.double() for y in true_numbers])
    for mask, truth in zip(masks, true_masks, strict=True):
        # rounding decides about a pixel whose score is at the threshold
        assert (mask != truth).double().mean() < 1e-4


def test_trunks_of_our_configs_use_their_copy(whole, copies):
    got = answer(whole)
    assert copies == [whole.backbone]
    check_same_answer(got, answer(without_copy(whole)))
    assert copies == [whole.backbone]


@pytest.fixture
def copies(monkeypatch) -> list[HRNet]:
    """The trunks that are deployed, in turn."""
    trunks = []

    def deploy(trunk, **arguments):
        trunks.append(trunk)
        return hrnet_mm.deploy(trunk, **arguments)

    monkeypatch.setattr(deploy_module, 'deploy', deploy)
    return trunks


@pytest.fixture(params=['HRNet', 'DeployedHRNet'])
def backbone(request, randomised) -> HRNet:
    options = dict(deploy_cfg=dict()) if request.param == 'HRNet' else {}
    cfg = dict(type=f'hrnet_mm.{request.param}', arch=SMALL, **options)
    return randomised(MODELS.build(cfg)).eval()


def swap_data(model: nn.Module, other: nn.Module) -> None:
    """Exchange parameters as mmengine's EMAHook does, before `model.eval()`."""
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        value = p.data.clone()
        p.data.copy_(q.data)
        q.data.copy_(value)
    model.eval()


CHANGES = {
    'load': lambda model, other: model.load_state_dict(other.state_dict()),
    'load a part': lambda model, other: model.stage4.load_state_dict(
        other.stage4.state_dict()
    ),
    'assign': lambda model, other: model.load_state_dict(
        other.state_dict(), assign=True
    ),
    'a part': lambda model, other: setattr(model, 'stage4', other.stage4),
    'in place': lambda model, other: model.bn1.running_mean.add_(0.5),
    'EMA': swap_data,
    'cast': lambda model, other: (
        model.to(torch.bfloat16).float().load_state_dict(other.state_dict())
    ),
}


class TestInference:
    """`model.backbone.deploy_cfg`, and `model.backbone.type=hrnet_mm.DeployedHRNet`."""

    def test_weights_are_those_of_the_trunk(self, backbone, copies):
        assert list(backbone.state_dict()) == list(HRNet(SMALL).state_dict())
        with torch.no_grad():
            got = backbone(image(64, 64))
        assert list(backbone.state_dict()) == list(HRNet(SMALL).state_dict())
        assert copies == [backbone]
        check_close(got, exact(backbone, image(64, 64)))
        assert all(y.is_contiguous() for y in got)

    def test_the_copy_is_made_once(self, backbone, copies):
        with torch.no_grad():
            for size in (64, 64, 96):
                backbone(image(size, size))
        with torch.inference_mode():
            backbone(image(64, 64))
        assert len(copies) == 1

    @pytest.mark.parametrize('change', CHANGES)
    def test_new_weights_are_seen(self, backbone, change, randomised):
        x = image(64, 64)
        with torch.no_grad():
            before = backbone(x)
            CHANGES[change](backbone, randomised(HRNet(SMALL), 1).eval())
            after = backbone(x)
        assert not torch.equal(before[0], after[0])
        check_close(after, exact(backbone, x))

    def test_training_is_that_of_the_trunk(self, backbone, randomised, copies):
        x = image(64, 64)
        trunk = randomised(HRNet(SMALL)).train()
        for got, wanted in zip(backbone.train()(x), trunk(x), strict=True):
            assert torch.equal(got, wanted)
            assert got.requires_grad
        with torch.no_grad():
            backbone(x)
        assert not copies

    def test_gradients_flow_in_eval_mode(self, backbone):
        """Where they are wanted: frozen norms, saliency."""
        sum(y.mean() for y in backbone(image(64, 64))).backward()
        assert all(p.grad is not None for p in backbone.parameters())

    def test_it_can_be_copied_and_saved_after_use(self, backbone, copies):
        with torch.no_grad():
            wanted = [y.double() for y in backbone(image(64, 64))]
            file = io.BytesIO()
            torch.save(backbone, file)
            assert file.tell() < 1.2 * sum(p.nbytes for p in backbone.parameters())
            file.seek(0)
            for other in (
                copy.deepcopy(backbone),
                torch.load(file, weights_only=False),
            ):
                check_close(other(image(64, 64)), wanted, 1e-6)
                assert copies[-1] is other

    @pytest.mark.parametrize('way', ['fx', 'export', 'jit'])
    def test_the_trunk_itself_is_traced(self, backbone, way, copies):
        x = image(64, 64)
        with torch.no_grad():
            if way == 'fx':
                traced = torch.fx.symbolic_trace(backbone)
            elif way == 'jit':
                traced = torch.jit.trace(backbone, x, check_trace=False)
            else:
                traced = torch.export.export(backbone, (x,)).module()
            got = traced(x)
        assert not copies
        check_close(got, exact(backbone, x))

    def test_hooks_of_its_parts_are_called(self, backbone, copies):
        seen = []
        part = backbone.stage4[-1].branches
        hook = part.register_forward_hook(lambda *args: seen.append(args))
        with torch.no_grad():
            backbone(image(64, 64))
            assert len(seen) == 1
            assert not copies
            hook.remove()
            backbone(image(64, 64))
        assert len(seen) == len(copies) == 1

    def test_a_part_in_training_mode_trains(self, backbone, copies):
        """Statistics of norms are computed again so: PreciseBN."""
        backbone.bn1.train()
        before = backbone.bn1.running_mean.clone()
        with torch.no_grad():
            backbone(image(64, 64))
        assert not torch.equal(backbone.bn1.running_mean, before)
        assert not copies

    def test_other_dtypes_and_autocast_are_those_of_the_caller(self, backbone, copies):
        with torch.no_grad():
            with torch.autocast('cpu', torch.bfloat16):
                backbone(image(64, 64))
            assert backbone.double()(image(64, 64).double())[0].dtype == torch.double
        assert not copies

    def test_a_wrong_dtype_is_told_before_anything_runs(self):
        cfg = dict(arch=SMALL, deploy_cfg=dict(dtype='half'))
        with pytest.raises(ValueError, match=r'float16 is not one of .*bfloat16'):
            HRNet(**cfg)

    def test_arguments_of_the_type_come_before_those_of_the_config(self):
        cfg = dict(arch=SMALL, deploy_cfg=dict(dtype='float32', sizes=[(1, 3, 64, 64)]))
        trunk = DeployedHRNet(dtype='bfloat16', **cfg)
        assert trunk.deployed.arguments == dict(
            dtype=torch.bfloat16, sizes=[(1, 3, 64, 64)]
        )


def test_norms_without_statistics_stay(trunk):
    """`track_running_stats=False`: they normalize each batch by itself."""
    for module in trunk.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = None
    check_close(hrnet_mm.deploy(trunk)(image(64, 64)), exact(trunk, image(64, 64)))


class Features(BaseModel):
    """A trunk whose prediction is its first stream."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = HRNet(SMALL, deploy_cfg=dict(), multiscale_output=False)

    def forward(self, inputs, mode):
        y = self.backbone(torch.stack(inputs))[0]
        return dict(loss=y.square().mean()) if mode == 'loss' else [y.double()]


class Images(Dataset):
    """Four random images."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i):
        return dict(inputs=image(64, 64, n=4)[i])


class Keep(BaseMetric):
    """Keeps what is predicted."""

    default_prefix = 'kept'

    def process(self, data_batch, data_samples) -> None:
        self.results += data_samples

    def compute_metrics(self, results) -> dict:
        kept.append(torch.cat(results))
        return {}


kept: list[torch.Tensor] = []


def test_validation_has_the_averaged_weights_of_the_last_epoch(tmp_path):
    """mmengine's EMAHook exchanges the weights before and after it."""
    kept.clear()
    loader = dict(
        batch_size=2,
        dataset=Images(),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    runner = Runner(
        Features(), str(tmp_path), train_dataloader=loader, val_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=2), val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_evaluator=[dict(type=Keep)],
        custom_hooks=[dict(type='EMAHook', momentum=0.3)], log_level='ERROR',
        experiment_name=tmp_path.name,
    )  # fmt: skip
    runner.train()
    assert len(kept) == 2
    for epoch, found in enumerate(kept, start=1):
        saved = torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=False)
        model = Features().double()
        model.backbone.deployed = None
        model.load_state_dict(saved['state_dict'])  # averaged
        batches = image(64, 64, n=4).split(2)
        with torch.no_grad():
            wanted = [model.eval().backbone(x.double())[0] for x in batches]
        check_close([found], [torch.cat(wanted)])


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


def test_a_trunk_made_in_inference_mode_has_a_copy(randomised):
    with torch.inference_mode():
        trunk = randomised(HRNet('w18_small_v1', deploy_cfg={})).eval()
        found = trunk(torch.zeros(1, 3, 64, 64))
    assert torch.isfinite(found[0]).all()
