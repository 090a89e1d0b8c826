"""Hooks for the stock runner."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from hrnet_mm.hooks import ChannelsLastHook, SeedStepHook


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
