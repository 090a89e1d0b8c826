"""Networks with random weights whose activations are like those of trained ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def settle(model: nn.Module, forward: Callable[[], Any]) -> None:
    """Give the norms the statistics of the data, so that nothing grows or vanishes.

    Args:
        model: Is in training mode afterwards.
        forward: Runs it, or a part of it, on a batch.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.train()  # returns nothing in MMPose
    forward()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
