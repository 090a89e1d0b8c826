"""Counts parameters, multiply-accumulates and activations, without computing any.

On the meta device a tensor has a shape and no memory, so that W64 on a large image is
counted in seconds on a laptop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass
class Layer:
    """What one layer costs in one forward pass of one image.

    Attributes:
        parameters: All that is trained.
        macs: Multiply-accumulates of convolutions and linear layers: one for each
            weight and each place where it is used. Norms, interpolation and products
            of activations (attention) are not counted, as in the official code.
        activations: Numbers in the outputs of convolutions and linear layers.
        shape: Of the last output: ``(N, C, H, W)``.
    """

    parameters: int = 0
    macs: int = 0
    activations: int = 0
    shape: tuple[int, ...] = ()


def measure(model: nn.Module, run: Callable[[], Any]) -> dict[str, Layer]:
    """The cost of every layer by its name, in the order of the model.

    Args:
        model: On any device; ``meta`` is the fastest.
        run: Runs it forward, on one image.
    """
    layers: dict[str, Layer] = {}
    hooks = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = {id(p): p.numel() for p in module.parameters(recurse=False)}
        new = {key: n for key, n in own.items() if key not in seen}  # some are shared
        seen |= set(new)
        counted = isinstance(module, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear))
        if new or counted:
            layers[name] = Layer(parameters=sum(new.values()))
        if counted:
            hooks.append(module.register_forward_hook(counter(layers[name])))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return layers


def count_macs(model: nn.Module, run: Callable[[], Any]) -> int:
    """Count the multiply-accumulates of a forward pass; see ``Layer`` and ``measure``.

    Of a batch: those of all images.
    """
    return sum(layer.macs for layer in measure(model, run).values())


def counter(layer: Layer) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    """A forward hook that adds to ``layer``."""

    def count(module: Any, args: tuple[Tensor, ...], output: Tensor) -> None:
        # the tensor with a value for each place of the kernel: of a transposed
        # convolution it is the input
        x = args[0] if isinstance(module, TRANSPOSED) else output
        width = module.weight.shape[0]
        layer.macs += module.weight.numel() * x.numel() // width
        layer.activations += output.numel()
        layer.shape = tuple(output.shape)

    return count
