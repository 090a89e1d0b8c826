"""What the processes of a job do together: write and read a file, add numbers."""

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
from .node_checks import Needs, expanded
from .rendezvous import Meeting

STAGES = ('process group', 'all-reduce')
GRADIENTS = 28_500_000  # parameters of W32: 114 MB in float32
STEP = 0.05  # seconds that a GPU takes for a step of W32: docs/performance.md
NFS = 10  # seconds until a node sees what another one wrote
NETWORK = 'export NCCL_DEBUG=INFO NCCL_SOCKET_IFNAME=INTERFACE  # of `ip address`'
SILENT = Finding(STAGES[0], 'broken', 'no answer', 'it died; its own output says why')


@contextmanager
def marker(given: str) -> Iterator[str]:
    """The name of a new file in the work dir; empty if none can be written."""
    with ExitStack() as stack:
        name = ''
        with suppress(OSError):
            if given:
                file = stack.enter_context(
                    NamedTemporaryFile(dir=expanded(given), prefix='.hrnet-mm-')
                )
                name = Path(file.name).name
        yield name


def report(
    meeting: Meeting, needs: Needs, plan: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """The second report of a process."""
    found = connected(meeting, plan['backend'], seconds)
    if plan['marker']:
        found.append(shared(needs.work_dir, plan['marker']))
    return dict(findings=[asdict(finding) for finding in found])


def shared(given: str, name: str) -> Finding:
    """Whether this node sees what rank 0 has written."""
    path, deadline = expanded(given), time.monotonic() + NFS
    with suppress(OSError):
        while name not in os.listdir(path) and time.monotonic() < deadline:
            time.sleep(0.2)
    if (path / name).exists():
        return Finding('one work_dir', 'ok', 'all see what rank 0 writes')
    seen = f'{path}: without the file that rank 0 wrote'
    return Finding('one work_dir', 'broken', seen, 'name a folder that all nodes share')


def connected(meeting: Meeting, backend: str, seconds: float) -> list[Finding]:
    """One finding for each stage, up to the first that fails."""
    found: list[Finding] = []
    why = 'a firewall, or an interface that does not lead to the other nodes'

    def work() -> None:
        try:
            for finding in exchange(meeting, backend, seconds):
                found.append(finding)
        except Exception as error:
            stage = STAGES[len(found)]
            found.append(Finding(stage, 'broken', last_line(error), why, NETWORK))

    # NCCL waits for ever where one does not come, or kills the process
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        seen = f'no answer in {seconds:g} s'
        return [*found, Finding(STAGES[len(found)], 'broken', seen, why, NETWORK)]
    return found


def exchange(meeting: Meeting, backend: str, seconds: float) -> Iterator[Finding]:
    """Add numbers of all processes, few and then many."""
    place, device = meeting.place, torch.device('cpu')
    patience = seconds
    if backend == 'nccl':
        patience *= 5  # it kills the process then, which has still to tell
        device = torch.device('cuda', place.local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group(
        backend,
        store=dist.PrefixStore('group', meeting.store),
        rank=place.rank,
        world_size=place.size,
        timeout=timedelta(seconds=patience),
    )
    add(1, device)
    yield Finding(STAGES[0], 'ok', f'{backend} adds {place.size} numbers')
    taken = torch.tensor(min(add(GRADIENTS, device) for _ in range(3)), device=device)
    dist.all_reduce(taken, dist.ReduceOp.MAX)
    amount, slowest = 4 * GRADIENTS / 1e6, taken.item()
    seen = f'{amount:.0f} MB in {slowest:.3f} s, {amount / slowest:.0f} MB/s'
    if backend == 'nccl' and slowest > STEP:
        why = f'the gradients of W32, whose step takes a GPU about {STEP} s'
        yield Finding(STAGES[1], 'warning', seen, why, NETWORK)
    else:
        yield Finding(STAGES[1], 'ok', seen)


def add(count: int, device: torch.device) -> float:
    """Add ``(count,)`` numbers of each process; seconds.

    Raises:
        ArithmeticError: if the sum is wrong.
    """
    rank, size = dist.get_rank(), dist.get_world_size()
    values = torch.full((count,), rank + 1.0, device=device)
    ready = torch.zeros(1, device=device)
    dist.all_reduce(ready)
    ready.item()  # all are here; NCCL's barrier may guess another GPU
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
