"""Hooks for the stock runner."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from hrnet_mm import HRNet
from hrnet_mm.hooks import (
    ChannelsLastHook,
    CheckClassesHook,
    CheckFrozenHook,
    SeedStepHook,
)


def test_weights_are_kept_in_channels_last():
    model = nn.Conv2d(8, 8, 3)
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    layout = dict(memory_format=torch.channels_last)
    assert model.weight.is_contiguous(**layout)
    assert model(torch.rand(1, 8, 6, 6)).is_contiguous(**layout)


def test_dropout_and_cutmix_depend_on_seed_step_and_rank_alone(monkeypatch):
    def dropped(seed: int, step: int, rank: int) -> list[float]:
        monkeypatch.setattr('hrnet_mm.hooks.get_rank', lambda: rank)
        torch.rand(step), np.random.rand(step)  # whatever was drawn before
        SeedStepHook().before_train_iter(SimpleNamespace(seed=seed, iter=step), 0)
        return [*nn.Dropout()(torch.ones(64)).tolist(), np.random.rand()]

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


def head(num_classes: int) -> nn.Module:
    module = nn.Module()
    module.num_classes = num_classes
    return module


def segmentor(*num_classes: int) -> nn.Module:
    """One head, or the list of them that OCR has."""
    heads = [head(n) for n in num_classes]
    module = nn.Module()
    module.decode_head = nn.ModuleList(heads) if len(heads) > 1 else heads[0]
    return module


def data_for(model: nn.Module, *classes: str) -> SimpleNamespace:
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
    return SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
    )


@pytest.mark.parametrize('stage', ['before_train', 'before_val', 'before_test'])
@pytest.mark.parametrize('num_classes', [(2,), (3, 2)])
def test_data_of_more_classes_than_a_head_are_refused(stage, num_classes):
    check = getattr(CheckClassesHook(), stage)
    with pytest.raises(
        ValueError,
        match=r'3 classes .*num_classes=2. Set model.decode_head',
    ):
        check(data_for(segmentor(*num_classes), 'road', 'house', 'sky'))
    check(data_for(segmentor(*num_classes), 'road', 'house'))


def test_the_model_is_found_inside_its_wrappers():
    wrapped = nn.Module()
    wrapped.module = segmentor(2)
    with pytest.raises(ValueError, match='num_classes=2'):
        CheckClassesHook().before_test(data_for(wrapped, 'road', 'house', 'sky'))


def test_a_detector_has_as_many_classes_as_the_data():
    """Its heads do; the first stage tells objects from none, whatever they are."""
    detector = nn.Module()
    detector.rpn_head, detector.roi_head = head(1), nn.Module()
    detector.roi_head.bbox_head = nn.ModuleList([head(3), head(3)])
    check = CheckClassesHook(exact=True)
    check.before_train(data_for(detector, 'road', 'house', 'sky'))
    keys = r'Set model.roi_head.bbox_head.0.num_classes=2 model.roi_head.bbox_head.1'
    with pytest.raises(ValueError, match=keys):
        check.before_train(data_for(detector, 'road', 'house'))
