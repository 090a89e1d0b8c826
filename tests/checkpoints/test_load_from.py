"""Files of other code bases in ``load_from`` and ``mim test``: the stock runner's."""

from __future__ import annotations

from copy import deepcopy

import official
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from safetensors.torch import save_file

from hrnet_mm.checkpoints import CheckpointError, translate_for
from hrnet_mm.engine import AnyFamilyHook

POSE = 'pose/hrnet_w18_small_v1_tiny-pose.py'
BASELINE = 'pose/hrnet-ae_w18_small_v1_tiny-crowd.py'
SEGMENTATION = 'seg/hrnetv2_w18_small_v1_tiny-seg.py'


@pytest.fixture
def runner_with(root, tmp_path):
    """The runner of a config that is to begin from some weights."""

    def build(config: str, state: dict, tta: bool = False) -> Runner:
        torch.save(state, tmp_path / 'weights.pth')
        cfg = Config.fromfile(root / 'configs' / config)
        pytest.importorskip(cfg.default_scope)
        cfg.load_from = str(tmp_path / 'weights.pth')
        cfg.work_dir = str(tmp_path / 'work')
        if tta:  # as tools/test.py --tta
            cfg.model = dict(**cfg.tta_model, module=cfg.model)
        return Runner.from_cfg(cfg)

    return build


def prefixed(model: torch.nn.Module, prefix: str) -> dict:
    return {f'{prefix}{name}': value for name, value in model.state_dict().items()}


def test_a_pose_model_of_the_official_code(runner_with, randomised):
    theirs = randomised(official.Pose())
    runner = runner_with(POSE, theirs.state_dict())
    runner.load_or_resume()
    assert torch.equal(runner.model.backbone.conv1.weight, theirs.conv1.weight)
    assert torch.equal(runner.model.head.final_layer.bias, theirs.final_layer.bias)


def test_names_are_translated_and_the_model_is_left_alone(runner_with, randomised):
    theirs = randomised(official.Pose())
    model = runner_with(POSE, {}).model
    before = deepcopy(model.state_dict())
    content = dict(state_dict=theirs.state_dict(), epoch=3)
    translate_for(model, content, 'weights.pth')
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert content['epoch'] == 3
    assert content['state_dict'].keys() == before.keys()
    weight = content['state_dict']['backbone.conv1.weight']
    assert torch.equal(weight, theirs.conv1.weight)


def test_a_bottom_up_model_of_mmpose_of_one_resolution(runner_with, randomised):
    theirs = randomised(official.Pose(joints=34))  # heatmaps and tags
    state = {
        f'{"keypoint_head" if name.startswith("final") else "backbone"}.{name}': value
        for name, value in theirs.state_dict().items()
    }
    runner = runner_with(BASELINE, dict(meta={}, state_dict=state))
    runner.load_or_resume()
    assert torch.equal(runner.model.backbone.conv1.weight, theirs.conv1.weight)
    (layer,) = runner.model.head.final_layers
    assert torch.equal(layer.bias, theirs.final_layer.bias)


@pytest.mark.parametrize('tta', [False, True])
def test_a_segmentor_of_the_official_trainer(tta, runner_with, randomised):
    theirs = randomised(official.Segmentation(classes=5))
    state = prefixed(theirs, 'model.') | {'loss.criterion.weight': torch.ones(5)}
    runner = runner_with(SEGMENTATION, state, tta)
    runner.load_or_resume()
    ours = runner.model.module if tta else runner.model
    weight = theirs.last_layer[3].weight
    assert torch.equal(ours.decode_head.conv_seg.weight, weight)


def test_a_file_of_another_task_does_not_pass_for_the_whole(runner_with):
    """Its head would be random numbers, in training and in testing."""
    runner = runner_with(SEGMENTATION, official.Pose().state_dict())
    with pytest.raises(CheckpointError, match=r'missing .*give init_cfg to the backb'):
        runner.load_or_resume()


def test_a_file_that_nothing_fits_is_refused(runner_with):
    state = prefixed(torch.nn.Conv2d(3, 64, 7), 'layer4.0.conv1.')
    with pytest.raises(CheckpointError, match=r'weights\.pth: is no HRNet'):
        runner_with(POSE, state).load_or_resume()


def test_a_model_of_the_library_begins_from_one_with_another_head(
    runner_with, randomised
):
    """What fits is loaded and the rest is logged: the library's own way."""
    first = runner_with(POSE, official.Pose().state_dict())
    state = randomised(first.model).state_dict()
    state['head.final_layer.weight'] = torch.zeros(3, 16, 1, 1)
    state['somebody.else'] = torch.zeros(1)
    runner = runner_with(POSE, dict(state_dict=state))
    runner.load_or_resume()
    assert torch.equal(
        runner.model.backbone.conv1.weight, state['backbone.conv1.weight']
    )
    hook = next(it for it in runner.hooks if isinstance(it, AnyFamilyHook))
    hook.before_train(runner)
    hook.before_test(runner)  # of the trained model


PANOPTIC = 'det/panoptic-deeplab_w18_small_v1_tiny-panoptic.py'


@pytest.mark.parametrize(
    ('leaf', 'name'),
    [(PANOPTIC, 'semantic_head.predictor.'), (POSE, 'head.final_layer.')],
)
def test_a_model_with_another_head_is_not_tested(leaf, name, runner_with):
    """A part of it would be random."""
    state = runner_with(leaf, official.Pose().state_dict()).model.state_dict()
    for it in ('weight', 'bias'):
        state[name + it] = torch.zeros(3, *state[name + it].shape[1:])
    runner = runner_with(leaf, dict(state_dict=state))
    runner.load_or_resume()
    said = rf'2 tensors of another shape \({name}weight: \(3, .* config of its training'
    with pytest.raises(CheckpointError, match=said):
        runner.call_hook('before_test')


def bare(state: dict) -> dict:
    """Write what ``torch.save(model.state_dict())`` writes."""
    return state


def compiled(state: dict) -> dict:
    return {f'_orig_mod.{name}': value for name, value in state.items()}


def of_a_trainer(state: dict) -> dict:
    return dict(model_state_dict={f'net.{k}': v for k, v in state.items()}, epoch=3)


@pytest.mark.parametrize('write', [bare, compiled, of_a_trainer])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_file_of_a_model_begins_a_job_with_ema(
    write, suffix, runner_with, randomised, tmp_path
):
    """Translated before EMAHook copies it, which mmdet's RTMDet gives a priority."""
    runner = runner_with(POSE, official.Pose().state_dict())
    ema = dict(type='EMAHook', ema_type='ExpMomentumEMA', priority=49)
    runner.register_custom_hooks([ema])
    hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
    hook.before_run(runner)
    state = randomised(deepcopy(runner.model)).state_dict()
    content = write(state)
    runner._load_from = str(tmp_path / f'weights{suffix}')
    if suffix == '.safetensors':
        content = content.get('model_state_dict', content)
        content = {name: value.contiguous() for name, value in content.items()}
        save_file(content, runner._load_from)
    else:
        torch.save(content, runner._load_from)
    runner.load_or_resume()
    weight = state['backbone.conv1.weight']
    assert torch.equal(runner.model.backbone.conv1.weight, weight)
    assert torch.equal(hook.ema_model.module.backbone.conv1.weight, weight)
