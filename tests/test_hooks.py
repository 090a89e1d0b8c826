"""Hooks for the stock runner."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hrnet_mm import HRNet
from hrnet_mm.hooks import ChannelsLastHook, CheckFrozenHook, SeedStepHook


def test_weights_are_kept_in_channels_last():
    model = nn.Conv2d(8, 8, 3)
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    layout = dict(memory_format=torch.channels_last)
    assert model.weight.is_contiguous(**layout)
    assert model(torch.rand(1, 8, 6, 6)).is_contiguous(**layout)


def test_dropout_depends_on_seed_step_and_rank_alone(monkeypatch):
    def dropped(seed: int, step: int, rank: int) -> list[float]:
        monkeypatch.setattr('hrnet_mm.hooks.get_rank', lambda: rank)
        torch.rand(step)  # whatever was drawn before
        SeedStepHook().before_train_iter(SimpleNamespace(seed=seed, iter=step), 0)
        return nn.Dropout()(torch.ones(64)).tolist()

    first = dropped(seed=0, step=5, rank=0)
    assert dropped(seed=0, step=5, rank=0) == first
    others = dropped(1, 5, 0), dropped(0, 6, 0), dropped(0, 5, 1)
    assert all(other != first for other in others)


def detector(**kwargs) -> SimpleNamespace:
    """A runner with a model that has a trunk, in a wrapper."""
    model = nn.Module()
    model.module = nn.Module()
    model.module.backbone = HRNet('w18_small_v1', **kwargs)
    return SimpleNamespace(model=model)


@pytest.mark.parametrize(
    'frozen',
    [
        dict(norm_eval=True),
        dict(frozen_stages=0),
        dict(norm_eval=True, frozen_stages=4),
        dict(frozen_stages=1, norm_cfg=dict(type='GN', num_groups=2)),
    ],
    ids=str,
)
def test_frozen_norms_without_weights_are_refused(frozen, randomised):
    runner = detector(**frozen)
    with pytest.raises(
        ValueError, match=r'(?s)^backbone has norm_eval=.* from scratch'
    ):
        CheckFrozenHook().before_train(runner)
    for norm in runner.model.module.backbone.frozen_norms():
        nn.init.uniform_(norm.bias)
    randomised(runner.model)  # as a checkpoint would
    CheckFrozenHook().before_train(runner)


def test_a_checkpoint_of_half_a_trunk_does_not_pass(randomised):
    runner = detector(norm_eval=True)
    trunk = randomised(runner.model.module.backbone)
    trunk.stage4[0].branches[3][0].bn1.reset_running_stats()
    with pytest.raises(ValueError, match='but 1 of the'):
        CheckFrozenHook().before_train(runner)


@pytest.mark.parametrize('frozen', [dict(), dict(norm_cfg=dict(type='SyncBN'))])
def test_training_from_scratch_is_free_to_start(frozen):
    CheckFrozenHook().before_train(detector(**frozen))
