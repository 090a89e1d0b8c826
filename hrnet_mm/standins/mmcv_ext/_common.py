"""What several operators share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def widened(*tensors: Tensor) -> list[Tensor]:
    """Return float16 and bfloat16 tensors in float32, others as they are."""
    narrow = (torch.float16, torch.bfloat16)
    return [t.float() if t.dtype in narrow else t for t in tensors]


def write_gradients(
    forward: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    gradient: Tensor,
    outputs: Sequence[Tensor],
) -> None:
    """Write the gradients of a function in plain torch into `outputs`.

    The forward runs a second time, so that nothing is kept between the two.
    """
    with torch.enable_grad():
        inputs = [t.detach().requires_grad_() for t in inputs]
        result = forward(*inputs)
        found = torch.autograd.grad(result, inputs, gradient.to(result.dtype))
    for output, grad in zip(outputs, found, strict=True):
        output.copy_(grad)


@contextmanager
def warn_where_not_deterministic() -> Iterator[None]:
    """Run kernels of torchvision that use atomic additions on a GPU.

    Under ``torch.use_deterministic_algorithms(True)`` they raise. mmcv's kernels use
    atomic additions, too, and say nothing; here torch warns and goes on.
    """
    enabled = torch.are_deterministic_algorithms_enabled()
    only_warn = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(enabled, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=only_warn)
