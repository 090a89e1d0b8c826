"""Batch norms over the images of all processes, on CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SyncBatchNormOnCpu(nn.BatchNorm2d):
    """``SyncBatchNorm``, which torch has for GPUs only: the same numbers, slowly.

    No subclass of it: DDP refuses those on CPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(N, C, ...)`` by the statistics of all processes."""
        if not self.training:
            return super().forward(x)
        places = [0, *range(2, x.dim())]
        shape = [1, -1, *[1] * (x.dim() - 2)]
        values = x.float()
        count = all_reduce(torch.tensor(x.numel() / x.shape[1]))
        mean = all_reduce(values.sum(places)) / count
        values = values - mean.view(shape)
        var = all_reduce(values.square().sum(places)) / count
        self._remember(mean.detach(), var.detach() * count / (count - 1))
        scale = (var + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        values = values * scale.view(shape)
        if self.affine:
            values = values + self.bias.view(shape)
        return values.to(x.dtype)

    def _remember(self, mean: Tensor, var: Tensor) -> None:
        """Average the running statistics, as ``nn.BatchNorm2d`` does."""
        batches = self.num_batches_tracked
        if self.running_mean is None or self.running_var is None or batches is None:
            return
        batches.add_(1)
        share = 1 / batches.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)
