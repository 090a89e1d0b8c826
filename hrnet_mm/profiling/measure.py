"""Counting of parameters, multiply-accumulates (MACs) and activations.

On the meta device tensors have a shape but no memory, so that counting takes seconds
also for W64 on a large image.
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
    """The cost of a layer in a forward pass.

    Attributes:
        parameters: The number of parameters.
        macs: Multiply-accumulates of convolutions, also deformable ones, and of linear
            layers: one for each weight and each position at which it is applied. Norms,
            interpolation and products of activations (attention) are not counted, as in
            the official code.
        activations: The number of output elements of convolutions and linear layers.
        shape: The shape of the last output, ``(N, C, H, W)``.
    """

    parameters: int = 0
    macs: int = 0
    activations: int = 0
    shape: tuple[int, ...] = ()


def measure(model: nn.Module, run: Callable[[], Any]) -> dict[str, Layer]:
    """Return the cost of each layer by its name, in the order of the model.

    Args:
        model: A model on any device; ``meta`` is the fastest.
        run: A function that runs a forward pass of the model.
    """
    layers: dict[str, Layer] = {}
    hooks = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = {id(p): p.numel() for p in module.parameters(recurse=False)}
        new = {
            key: n for key, n in own.items() if key not in seen
        }  # without shared ones
        seen |= set(new)
        counted = isinstance(module, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear))
        counted |= hasattr(module, 'deform_groups')  # mmcv's, slow to import
        if new or counted:
            layers[name] = Layer(parameters=sum(new.values()))
        if counted:
            hooks.append(module.register_forward_hook(_counting_hook(layers[name])))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return layers


def count_macs(model: nn.Module, run: Callable[[], Any]) -> int:
    """Return the multiply-accumulates of a forward pass, of all images of a batch.

    See ``Layer`` for what is counted and ``measure`` for the arguments.
    """
    return sum(layer.macs for layer in measure(model, run).values())


def _counting_hook(
    layer: Layer,
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def count(module: Any, args: tuple[Tensor, ...], output: Tensor) -> None:
        # the tensor with one element per position of the kernel; for a transposed
        # convolution this is the input
        x = args[0] if isinstance(module, TRANSPOSED) else output
        width = module.weight.shape[0]
        layer.macs += module.weight.numel() * x.numel() // width
        layer.activations += output.numel()
        layer.shape = tuple(output.shape)

    return count
