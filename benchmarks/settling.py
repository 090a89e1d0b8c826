"""Realistic batch-norm statistics for networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def settle(model: nn.Module, forward: Callable[[], Any]) -> None:
    """Set the statistics of all batch norms from one batch.

    Activations then neither explode nor vanish in eval mode.

    Args:
        model: The network, which is in training mode afterwards.
        forward: Runs the network, or a part of it, on a batch.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.train()  # returns None in MMPose, so it is not chained
    forward()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
