"""Two processes, connected over gloo, compute what one does."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from hrnet_mm.models.norms import SyncBatchNormOnCpu

HALVES = (slice(0, 3), slice(3, 8))  # not of one size


def norm(kind: type[nn.Module], momentum: float | None) -> nn.Module:
    """With random weights and statistics."""
    layer = kind(4, momentum=momentum)
    generator = torch.Generator().manual_seed(0)
    for value in (*layer.parameters(), layer.running_mean, layer.running_var):
        value.data.copy_(torch.rand(4, generator=generator) + 0.5)
    return layer


def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 5 + 2 * torch.randn(8, 4, 5, 3, generator=generator)


def answer(layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Outputs, gradients and statistics after two steps."""
    x = x.clone().requires_grad_()
    for _ in range(2):
        y = layer(x)
        (y.sigmoid() * torch.arange(4).view(1, 4, 1, 1)).sum().backward()
    weights = {f'{k}.grad': p.grad for k, p in layer.named_parameters()}
    return dict(y=y.detach(), x=x.grad, **weights, **dict(layer.named_buffers()))


def work(rank: int, folder: Path, momentum: float | None) -> None:
    """One of two processes."""
    init = f'file://{folder}/store'
    dist.init_process_group('gloo', init_method=init, rank=rank, world_size=2)
    layer = norm(SyncBatchNormOnCpu, momentum)
    torch.save(answer(layer, images()[HALVES[rank]]), folder / f'{rank}.pth')
    # destroying holds the GIL while it waits for the threads of gloo; on torch 2.1 they
    # may still wait for the GIL, to free a tensor
    time.sleep(0.5)
    dist.destroy_process_group()


@pytest.mark.jobs
@pytest.mark.parametrize('momentum', [0.1, None])
def test_norms_have_the_statistics_of_all_processes(momentum, tmp_path):
    command = [sys.executable, __file__, str(tmp_path), str(momentum)]
    jobs = [subprocess.Popen([*command, str(rank)]) for rank in range(2)]
    assert [job.wait(timeout=120) for job in jobs] == [0, 0]
    halves = [torch.load(tmp_path / f'{rank}.pth') for rank in range(2)]
    whole = answer(norm(nn.BatchNorm2d, momentum), images())
    assert halves[0].keys() == whole.keys()
    for name, wanted in whole.items():
        got = [half[name] for half in halves]
        if name in ('y', 'x'):
            torch.testing.assert_close(torch.cat(got), wanted, rtol=1e-4, atol=1e-5)
        elif name.endswith('.grad'):
            torch.testing.assert_close(sum(got), wanted, rtol=1e-4, atol=1e-4)
        else:
            for value in got:
                torch.testing.assert_close(value, wanted)


def test_in_testing_nothing_is_exchanged():
    layer = norm(SyncBatchNormOnCpu, 0.1).eval()
    plain = norm(nn.BatchNorm2d, 0.1).eval()
    assert torch.equal(layer(images()), plain(images()))


if __name__ == '__main__':
    where, share, number = sys.argv[1:]
    work(int(number), Path(where), None if share == 'None' else float(share))
