"""The model of a config, as the runner builds it."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from torch import nn

from hrnet_mm.building import build_model

SEGMENTATION = 'configs/seg/hrnetv2_w18_small_v1_tiny-seg.py'


@pytest.fixture
def cfg(root) -> Config:
    pytest.importorskip('mmseg')
    cfg = Config.fromfile(root / SEGMENTATION)
    cfg.model.backbone.norm_cfg = dict(type='SyncBN')
    cfg.data_preprocessor = dict(cfg.model.pop('data_preprocessor'), mean=[1, 2, 3])
    return cfg


def test_it_has_the_preprocessor_of_the_config_and_norms_for_any_device(cfg):
    before = deepcopy(cfg.to_dict())
    model = build_model(cfg)
    assert cfg.to_dict() == before
    assert not model.training
    assert model.data_preprocessor.mean.flatten().tolist() == [1, 2, 3]
    assert not any(isinstance(m, nn.SyncBatchNorm) for m in model.modules())


def test_on_meta_it_takes_no_memory(cfg):
    model = build_model(cfg, 'meta')
    assert {p.device for p in model.parameters()} == {torch.device('meta')}


def test_a_library_that_cannot_be_imported_is_named(cfg):
    cfg.default_scope = 'mmnothing'
    with pytest.raises(ValueError, match=r"'mmnothing', which cannot be .*doctor"):
        build_model(cfg)
