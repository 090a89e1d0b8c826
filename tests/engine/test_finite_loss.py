"""A loss that is no number ends the job before anything is saved."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from hrnet_mm.engine.finite_loss import OVERFLOWS, FiniteLossHook


@pytest.fixture
def runner(request):
    hub = MessageHub.get_instance(request.node.name)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    return SimpleNamespace(
        message_hub=hub, iter=6, optim_wrapper=OptimWrapper(optimizer)
    )


def step(hook, runner, **losses: float) -> None:
    for name, value in losses.items():
        runner.message_hub.update_scalar(f'train/{name}', value)
    images = [SimpleNamespace(img_path='a.jpg'), SimpleNamespace(img_path='b.jpg')]
    outputs = {name: torch.tensor(value) for name, value in losses.items()}
    hook.after_train_iter(runner, 6, dict(data_samples=images), outputs)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_it_says_where_what_and_which_images(runner, value):
    hook = FiniteLossHook()
    step(hook, runner, loss=1.0, loss_kpt=1.0)
    with pytest.raises(
        FloatingPointError,
        match=rf'iteration 7 \(rank 0\): loss={value} loss_kpt=2. Images: a.jpg, b.jpg',
    ):
        step(hook, runner, loss=value, loss_kpt=2.0)


def test_a_loss_scale_may_overflow_some_times(runner, monkeypatch):
    monkeypatch.setattr(AmpOptimWrapper, '__init__', lambda self: None)
    runner.optim_wrapper = AmpOptimWrapper()
    runner.optim_wrapper.loss_scaler = SimpleNamespace(is_enabled=lambda: True)
    hook = FiniteLossHook()
    for _ in range(3):
        for _ in range(OVERFLOWS - 1):
            step(hook, runner, loss=float('inf'))
        step(hook, runner, loss=1.0)
    for _ in range(OVERFLOWS - 1):
        step(hook, runner, loss=float('inf'))
    with pytest.raises(FloatingPointError):
        step(hook, runner, loss=float('inf'))
