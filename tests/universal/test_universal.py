"""One trunk with several stock models as tasks."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten
from universal_tasks import (
    LEAVES,
    PREPROCESSOR,
    TRUNK,
    prepare,
    simplify,
    universal,
    universal_task,
)

from hrnet_mm.building import build_model
from hrnet_mm.checkpoints import CheckpointError, split
from hrnet_mm.universal import Universal


def stock_model(name: str, together: Universal) -> nn.Module:
    """Build the model of a leaf with the weights of a network of several tasks."""
    cfg = Config.fromfile(LEAVES[name])
    simplify(cfg.model)
    first_only = not cfg.model.backbone.get('multiscale_output', True)
    cfg.model.backbone = dict(TRUNK, multiscale_output=not first_only)
    model = build_model(cfg)
    of_trunk = {f'backbone.{k}': v for k, v in together.backbone.state_dict().items()}
    found = model.load_state_dict(
        of_trunk | together.tasks[name].state_dict(), strict=False
    )
    assert not found.missing_keys
    return model


def tensors(result: Any) -> list[Tensor]:
    """List the tensors of losses or predictions in a fixed order."""
    if isinstance(result, BaseDataElement):
        keys = sorted(result.keys())
        return [it for key in keys for it in tensors(result.get(key))]
    flat = [getattr(it, 'masks', it) for it in tree_flatten(result)[0]]
    return [torch.as_tensor(it) for it in flat if it is not None]


@pytest.mark.parametrize('name', LEAVES)
def test_losses_and_gradients_are_those_of_the_stock_model(name, samples):
    together = universal(*LEAVES, frozen_tasks=[it for it in LEAVES if it != name])
    together.init_weights()
    alone = stock_model(name, together).train()
    batch = samples(name)
    of_task = [deepcopy(it.get(name)) for it in batch['data_samples']]
    data = dict(inputs=batch['inputs'], data_samples=of_task)
    torch.manual_seed(0)
    wanted = alone(**alone.data_preprocessor(data, True), mode='loss')
    torch.manual_seed(0)
    losses = together.train()(**prepare(batch), mode='loss')
    assert losses.keys() == {f'{name}.{key}' for key in wanted}
    for key, value in wanted.items():
        for a, b in zip(tensors(losses[f'{name}.{key}']), tensors(value), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    for model, found in ((alone, wanted), (together, losses)):
        model.parse_losses(found)[0].backward()
    gradients = dict(together.backbone.named_parameters())
    for key, parameter in alone.backbone.named_parameters():
        torch.testing.assert_close(
            gradients[key].grad, parameter.grad, rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize('name', LEAVES)
def test_predictions_are_those_of_the_stock_model(name, samples):
    together = universal(*LEAVES)
    together.init_weights()
    together.eval()
    alone = stock_model(name, together)
    batch = samples(*LEAVES, split='val')
    of_task = [deepcopy(it.get(name)) for it in batch['data_samples']]
    found = together.test_step(batch)
    wanted = alone.test_step(dict(inputs=batch['inputs'], data_samples=of_task))
    for a, b in zip(found, wanted, strict=True):
        assert a.tasks == sorted(LEAVES)
        pairs = [*zip(tensors(a.get(name)), tensors(b), strict=True)]
        assert len(pairs) > 1
        assert all(torch.equal(x, y) for x, y in pairs)


def test_a_frozen_trunk_with_an_added_task_keeps_the_other_predictions(samples):
    """They keep every bit, while the added task learns."""
    before = universal('objects', 'joints')
    before.init_weights()
    after = universal(
        'objects',
        'joints',
        'parts',
        frozen_tasks=['objects', 'joints'],
        trunk=dict(frozen_stages=4),
    )
    after.init_weights()
    found = after.load_state_dict(before.state_dict(), strict=False)
    assert all(key.startswith('tasks.parts.') for key in found.missing_keys)
    head = after.tasks['parts'].decode_head.conv_seg.weight
    given = head.detach().clone()
    trained = [it for it in after.parameters() if it.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    for _ in range(2):
        batch = prepare(samples('objects', 'joints', 'parts'))
        loss, _ = after.train().parse_losses(after(**batch, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert not torch.equal(head, given)
    old = before.eval().test_step(samples('objects', 'joints', split='val'))
    new = after.eval().test_step(samples('objects', 'joints', 'parts', split='val'))
    for name in ('objects', 'joints'):
        for a, b in zip(old, new, strict=True):
            pairs = zip(tensors(a.get(name)), tensors(b.get(name)), strict=True)
            assert all(torch.equal(x, y) for x, y in pairs)


def test_each_step_needs_all_trained_tasks(samples):
    model = universal('joints', 'parts')
    batch = prepare(samples('joints'))
    with pytest.raises(ValueError, match=r'no sample of the tasks.*parts.*PackTasks'):
        model(**batch, mode='loss')


def test_unknown_tasks_are_named(samples):
    model = universal('joints')
    with pytest.raises(ValueError, match=r'parts.*but hrnet_mm.Universal has.*joints'):
        model.test_step(samples('joints', 'parts', split='val'))


def test_samples_of_one_task_each_give_the_mean_of_the_task(samples):
    """Images with other labels are batches of their own, in one step."""
    model = universal('joints', 'parts')
    model.init_weights()
    model.train()
    both, one = samples('joints', 'parts'), samples('joints')
    one = {key: values[:1] for key, values in one.items()}
    mixed = {key: [*both[key], *one[key]] for key in both}
    batch = prepare(deepcopy(mixed))
    assert sorted(len(it) for it in batch['inputs']) == [1, 2]
    joints = model.tasks['joints']
    expected = 0.0
    for part, share in ((both, 2 / 3), (one, 1 / 3)):
        prepared = prepare(deepcopy(part))
        of_task = [it.get('joints') for it in prepared['data_samples'][0]]
        with model.streams.shared(prepared['inputs'][0]):
            loss = joints(prepared['inputs'][0], of_task, mode='loss')
        expected += share * loss['loss_heatmap_0'].item()
    losses = model(**batch, mode='loss')
    assert losses['joints.loss_heatmap_0'].item() == pytest.approx(expected, rel=1e-5)
    assert len(model.eval().test_step(mixed)) == 3


def test_uncertainty_weighs_each_task(samples):
    names = ('joints', 'parts')
    fixed = universal(*names, loss_weights=dict(joints=2.0))
    fixed.init_weights()
    learned = universal(*names, uncertainty=True)
    learned.load_state_dict(fixed.state_dict(), strict=False)
    plain = universal(*names)
    plain.load_state_dict(fixed.state_dict())
    with torch.no_grad():
        learned.uncertainty['joints'].fill_(1.0)
    batch = prepare(samples(*names))
    found = [model.train()(**batch, mode='loss') for model in (plain, fixed, learned)]
    for key in ('joints.loss_heatmap_0', 'joints.loss_pull'):
        one, two, scaled = (losses[key].item() for losses in found)
        assert two == pytest.approx(2 * one)
        assert scaled == pytest.approx(one / 2.718281828, rel=1e-5)
    assert found[2]['joints.loss_uncertainty'] == 0.5
    accuracies = [losses['parts.decode.acc_seg'].item() for losses in found]
    assert accuracies[0] == accuracies[2]  # only losses are weighed
    model_loss, _ = learned.parse_losses(found[2])
    model_loss.backward()
    assert learned.uncertainty['parts'].grad is not None


def test_the_trunk_runs_once_for_all_tasks(samples):
    model = universal(*LEAVES).eval()
    runs = []
    model.backbone.register_forward_hook(lambda *args: runs.append(1))
    model.test_step(samples(*LEAVES, split='val'))
    assert len(runs) == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(loss_weights=dict(joint=1.0)), r'loss_weights has joint, but the tasks'),
        (dict(frozen_tasks=['joints', 'parts']), 'nothing to train'),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        universal('joints', 'parts', **options)


def test_a_task_needs_a_good_name_a_library_and_no_trunk():
    trunk = dict(TRUNK)
    with pytest.raises(ValueError, match="'loss_of_parts'"):
        Universal(trunk, dict(loss_of_parts=dict(_scope_='mmseg')))
    with pytest.raises(ValueError, match='needs the library'):
        Universal(trunk, dict(parts=dict(type='EncoderDecoder')))
    task = universal_task('parts')
    with pytest.raises(ValueError, match='has the backbone HRNet'):
        Universal(trunk, dict(parts=dict(task, backbone=trunk)))


def test_all_tasks_see_the_same_pixels():
    task = universal_task('parts')
    task['data_preprocessor']['mean'] = [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"'parts' normalises images with mean=\[0"):
        Universal(dict(TRUNK), dict(parts=task), data_preprocessor=PREPROCESSOR)
    task = universal_task('parts')
    task['data_preprocessor']['batch_augments'] = []
    Universal(dict(TRUNK), dict(parts=task), data_preprocessor=PREPROCESSOR)


def test_each_task_gets_a_checkpoint_of_its_library(tmp_path):
    model = universal('joints', 'parts')
    model.init_weights()
    file = tmp_path / 'universal.pth'
    described = dict(parts=dict(classes=('a',)), joints={})
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=described)), file
    )
    files = split(file, tmp_path / 'split')
    assert sorted(files) == ['joints', 'parts']
    content = torch.load(files['parts'], weights_only=True)
    assert content['meta']['dataset_meta'] == dict(classes=('a',))
    alone = stock_model('parts', universal('parts'))
    found = alone.load_state_dict(content['state_dict'])
    assert not found.missing_keys
    assert not found.unexpected_keys
    start = universal('parts')
    start.tasks['parts'].init_cfg = dict(
        type='hrnet_mm.Pretrained', checkpoint=str(files['parts'])
    )
    start.init_weights()
    for key, value in start.tasks['parts'].state_dict().items():
        assert torch.equal(value, model.tasks['parts'].state_dict()[key]), key
    with pytest.raises(FileExistsError, match='name another folder'):
        split(file, tmp_path / 'split')
    with pytest.raises(CheckpointError, match='is of one task'):
        split(files['parts'], tmp_path / 'again')
    evil = {f'tasks.{tmp_path}/evil.weight': torch.zeros(1)}
    torch.save(dict(state_dict=model.state_dict() | evil), file)
    with pytest.raises(CheckpointError, match='not a name'):
        split(file, tmp_path / 'split2')
