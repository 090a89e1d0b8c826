"""Batch norms on CPUs: synchronized ones, and those of 18, 36 ... channels.

PyTorch's kernels for channels_last compute 8 or more channels of a pixel at once, and
the others one by one, several times slower. Eight pixels, taken as one pixel with eight
times as many channels, leave no others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributed.nn.functional import all_reduce
from torch.overrides import TorchFunctionMode

try:
    from torch.compiler import is_compiling
except ImportError:  # before torch 2.3
    from torch._utils import is_compiling

FOLD = 8
"""Number of pixels that are taken as one."""

_SMALLEST = 200_000  # of fewer values, the additional small operators cost more


class SyncBatchNormOnCpu(nn.BatchNorm2d):
    """Batch norm with statistics over the images of all processes, on CPUs.

    Computes the same values as ``torch.nn.SyncBatchNorm``, which runs on GPUs only. It
    is no subclass of that, because DDP refuses its subclasses on CPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(N, C, ...)`` by the statistics of all processes."""
        if not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.dim())]
        shape = [1, -1, *[1] * (x.dim() - 2)]
        values = x.float()
        count = all_reduce(torch.tensor(x.numel() / x.shape[1]))
        mean = all_reduce(values.sum(axes)) / count
        values = values - mean.view(shape)
        var = all_reduce(values.square().sum(axes)) / count
        self._update_running_stats(mean.detach(), var.detach() * count / (count - 1))
        scale = (var + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        values = values * scale.view(shape)
        if self.affine:
            values = values + self.bias.view(shape)
        return values.to(x.dtype)

    def _update_running_stats(self, mean: Tensor, var: Tensor) -> None:
        batches = self.num_batches_tracked
        if self.running_mean is None or self.running_var is None or batches is None:
            return
        batches.add_(1)
        share = 1 / batches.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)


def folded_norms(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context in which batch norms fold their pixels where that is faster.

    These are norms in channels_last, in training on CPUs, with a number of channels
    that is no multiple of 8. Their values differ from PyTorch's by rounding only.
    """
    # compilers fuse norms themselves
    return nullcontext() if device.type != 'cpu' or is_compiling() else _FoldedNorms()


class _FoldedNorms(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    state = (running_mean, running_var, weight, bias)
    if _folds(x) and all(it is not None and it.dtype == torch.float32 for it in state):
        return _FoldedNorm.apply(x, *state, training, momentum, eps)
    return F.batch_norm(x, *state, training, momentum, eps)


def _folds(x: Tensor) -> bool:
    return (
        x.requires_grad
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.dim() == 4
        and x.shape[1] % FOLD != 0
        and x.numel() >= _SMALLEST
        and x.numel() // x.shape[1] % FOLD == 0
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def _fold(x: Tensor) -> Tensor:
    # (N, C, H, W) in channels_last -> (1, FOLD * C, pixels / FOLD, 1), a view
    channels = FOLD * x.shape[1]
    rows = x.numel() // channels
    return x.as_strided((1, channels, rows, 1), (x.numel(), 1, channels, channels))


class _FoldedNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor,
        bias: Tensor,
        training: bool,
        momentum: float,
        eps: float,
    ) -> Tensor:
        folded = _fold(x)
        if training:
            mean, var = _statistics(folded)
            count = x.numel() / x.shape[1]
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(var * (count / (count - 1)), momentum)
        else:
            mean, var = running_mean, running_var
        state = torch.stack((mean, var, weight, bias))
        y = torch.empty_like(x)
        mean, var, weight, bias = state.repeat(1, FOLD)
        unused = mean.new_empty(0)
        torch.native_batch_norm(
            folded,
            weight,
            bias,
            mean,
            var,
            False,
            0.0,
            eps,
            out=(_fold(y), unused, unused),
        )
        ctx.save_for_backward(x, state)
        ctx.training, ctx.eps = training, eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, state = ctx.saved_tensors
        folded = _fold(x)
        mean, var, weight, _ = state.repeat(1, FOLD)
        grad_x, *grad_affine = torch.ops.aten.native_batch_norm_backward(
            _fold(grad.contiguous(memory_format=torch.channels_last)),
            folded,
            weight,
            mean,
            var,
            None,
            None,
            False,
            ctx.eps,
            [True, True, True],
        )
        grads = torch.stack(grad_affine).view(2, FOLD, -1).sum(1)
        if ctx.training:
            # the mean and the variance depend on x, too: eq. of section 3 in Ioffe and
            # Szegedy 2015, whose additional terms are a batch norm of x themselves
            scale = state[2] * (state[1] + ctx.eps).rsqrt() / -(x.numel() / x.shape[1])
            scales, shifts = (scale * grads).repeat(1, FOLD)
            grad_x += F.batch_norm(folded, mean, var, scales, shifts, eps=ctx.eps)
        grad_x = grad_x.as_strided(x.shape, x.stride())
        return grad_x, None, None, *grads, None, None, None


def _statistics(folded: Tensor) -> tuple[Tensor, Tensor]:
    # mean and biased variance of each channel, from those of its FOLD columns
    rows = folded.shape[2]
    means, variances = torch.zeros(2, folded.shape[1], dtype=torch.float32)
    torch.batch_norm_update_stats(folded, means, variances, 1.0)
    between, mean = torch.var_mean(means.view(FOLD, -1), 0, correction=0)
    within = variances.view(FOLD, -1).mean(0)
    return mean, between.add(within, alpha=(rows - 1) / rows)
