"""Synchronized batch norm for CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


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
