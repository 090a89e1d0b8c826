"""Helpers for several operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def widened(*tensors: Tensor) -> list[Tensor]:
    """Return tensors with float16 and bfloat16 cast to float32."""
    narrow = (torch.float16, torch.bfloat16)
    return [t.float() if t.dtype in narrow else t for t in tensors]


def gradients_of(
    forward: Callable[..., Tensor], inputs: Sequence[Tensor], gradient: Tensor
) -> list[Tensor]:
    """Compute the gradients of the inputs of a differentiable function.

    Runs the forward a second time, so that no activations are kept in between. An
    input that the function does not use has the gradient 0.
    """
    with torch.enable_grad():
        inputs = [t.detach().requires_grad_() for t in inputs]
        result = forward(*inputs)
        found = torch.autograd.grad(
            result, inputs, gradient.to(result.dtype), allow_unused=True
        )
    return [
        torch.zeros_like(value) if grad is None else grad
        for value, grad in zip(inputs, found, strict=True)
    ]


def write_gradients(
    forward: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    gradient: Tensor,
    outputs: Sequence[Tensor],
) -> None:
    """Write the gradients of a differentiable function to `outputs`."""
    found = gradients_of(forward, inputs, gradient)
    for output, grad in zip(outputs, found, strict=True):
        output.copy_(grad)


@contextmanager
def warn_where_not_deterministic() -> Iterator[None]:
    """Turn errors about nondeterministic kernels into warnings.

    Under ``torch.use_deterministic_algorithms(True)``, kernels of torchvision with
    atomic additions on a GPU raise. mmcv's kernels use them, too, without an error.
    """
    enabled = torch.are_deterministic_algorithms_enabled()
    only_warn = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(enabled, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=only_warn)
