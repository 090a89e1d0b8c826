"""Checks of a job as a whole: a shared work folder and collective communication."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any

import torch
from torch import distributed as dist

from .fixes import Finding, last_line
from .node_checks import Needs, expand_path
from .rendezvous import Rendezvous

STAGES = ('process group', 'all-reduce')
GRADIENTS = 28_500_000  # parameters of W32: 114 MB in float32
STEP = 0.05  # seconds per training step of W32 on a GPU: docs/performance.md
NFS = 10  # seconds until a file of one node is visible on the others
NETWORK = 'export NCCL_DEBUG=INFO NCCL_SOCKET_IFNAME=INTERFACE  # of `ip address`'
SILENT = Finding(
    STAGES[0], 'broken', 'no answer', 'the process ended: see its own output'
)


@contextmanager
def marker_file(given: str) -> Iterator[str]:
    """Create a temporary file in the work folder and yield its name.

    The name is empty without a work folder, or if it is not writable.
    """
    with ExitStack() as stack:
        name = ''
        with suppress(OSError):
            if given:
                file = stack.enter_context(
                    NamedTemporaryFile(dir=expand_path(given), prefix='.hrnet-mm-')
                )
                name = Path(file.name).name
        yield name


def run_checks(
    rendezvous: Rendezvous, needs: Needs, plan: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """Run the checks of this process together with all others; return a report."""
    found = _check_communication(rendezvous, plan['backend'], seconds)
    if plan['marker']:
        found.append(_check_shared_folder(needs.work_dir, plan['marker']))
    return dict(findings=[asdict(finding) for finding in found])


def _check_shared_folder(given: str, name: str) -> Finding:
    path, deadline = expand_path(given), time.monotonic() + NFS
    with suppress(OSError):
        while name not in os.listdir(path) and time.monotonic() < deadline:
            time.sleep(0.2)
    if (path / name).exists():
        return Finding('one work_dir', 'ok', 'all ranks see the file of rank 0')
    seen = f'{path}: without the file that rank 0 wrote'
    return Finding('one work_dir', 'broken', seen, 'use a folder that all nodes share')


def _check_communication(
    rendezvous: Rendezvous, backend: str, seconds: float
) -> list[Finding]:
    found: list[Finding] = []
    why = 'a firewall, or an interface that does not lead to the other nodes'

    def work() -> None:
        try:
            for finding in _measure_all_reduce(rendezvous, backend, seconds):
                found.append(finding)
        except Exception as error:
            stage = STAGES[len(found)]
            found.append(Finding(stage, 'broken', last_line(error), why, NETWORK))

    # If a rank is missing, NCCL waits for ever or kills the process.
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        seen = f'no answer in {seconds:g} s'
        return [*found, Finding(STAGES[len(found)], 'broken', seen, why, NETWORK)]
    return found


def _measure_all_reduce(
    rendezvous: Rendezvous, backend: str, seconds: float
) -> Iterator[Finding]:
    process, device = rendezvous.process, torch.device('cpu')
    patience = seconds
    if backend == 'nccl':
        patience *= 5  # NCCL kills the process then, which has to report before
        device = torch.device('cuda', process.local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group(
        backend,
        store=dist.PrefixStore('group', rendezvous.store),
        rank=process.rank,
        world_size=process.size,
        timeout=timedelta(seconds=patience),
    )
    _all_reduce(1, device)
    yield Finding(STAGES[0], 'ok', f'{backend} adds {process.size} numbers')
    taken = torch.tensor(
        min(_all_reduce(GRADIENTS, device) for _ in range(3)), device=device
    )
    dist.all_reduce(taken, dist.ReduceOp.MAX)
    amount, slowest = 4 * GRADIENTS / 1e6, taken.item()
    seen = f'{amount:.0f} MB in {slowest:.3f} s, {amount / slowest:.0f} MB/s'
    if backend == 'nccl' and slowest > STEP:
        why = f'the gradients of W32, whose step takes a GPU about {STEP} s'
        yield Finding(STAGES[1], 'warning', seen, why, NETWORK)
    else:
        yield Finding(STAGES[1], 'ok', seen)


def _all_reduce(count: int, device: torch.device) -> float:
    rank, size = dist.get_rank(), dist.get_world_size()
    values = torch.full((count,), rank + 1.0, device=device)
    ready = torch.zeros(1, device=device)
    dist.all_reduce(ready)
    ready.item()  # a barrier; that of NCCL may use another GPU
    start = time.perf_counter()
    dist.all_reduce(values)
    if values.is_cuda:
        torch.cuda.synchronize()
    taken = time.perf_counter() - start
    low, high = (bound.item() for bound in values.aminmax())
    right = size * (size + 1) / 2
    if not low == high == right:
        raise ArithmeticError(f'all-reduce gives {low:g} to {high:g}, not {right:g}')
    return taken
