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
from universal_tasks import LEAVES, TRUNK, prepare, simplify, universal

from hrnet_mm.building import build_model
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
    return [torch.as_tensor(it) for it in tree_flatten(result)[0] if it is not None]


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
