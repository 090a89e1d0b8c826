"""Measures the networks of each task in turn."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

import torch

from hrnet_mm.profiling import build_subject, count_macs

from .networks import ROWS, Row, Setting
from .paper_report import Entry
from .worker import Result, Worker

Progress = Callable[[str], None]
"""Called before each step, with what it is."""


def choose(tasks: Sequence[str]) -> list[Row]:
    """The rows of some tasks, or of all.

    Raises:
        ValueError: if a task is unknown, or its library is not installed.
    """
    known = list(dict.fromkeys(row.task for row in ROWS))
    unknown = [task for task in tasks if task not in known]
    if unknown:
        raise ValueError(f'unknown task {unknown[0]!r}; the tasks are {known}')
    rows = [row for row in ROWS if not tasks or row.task in tasks]
    missing = sorted({row.package for row in rows if find_spec(row.package) is None})
    if missing:
        raise ValueError(
            f'{" and ".join(missing)} are not installed: choose what is there with '
            '--task, or see `hrnet-mm doctor`'
        )
    return rows


def describe(device: str) -> dict[str, Any]:
    """What the figures are measured on.

    Raises:
        ValueError: if there is no such device.
    """
    devices = ['cpu', 'cuda'][: 1 + torch.cuda.is_available()]
    if device not in devices:
        raise ValueError(f'no device {device!r} here; there is {devices}')
    cpu = f'{torch.get_num_threads()} threads of {platform.machine()}'
    name = cpu if device == 'cpu' else torch.cuda.get_device_name()
    return dict(device=name, torch=torch.__version__)


def bench(
    rows: Sequence[Row],
    settings: Mapping[str, Setting],
    rounds: int,
    device: str,
    progress: Progress,
) -> list[Entry]:
    """Measure networks.

    Args:
        rows: Which.
        settings: By task.
        rounds: How often each is measured; one more before that does not count.
        device: ``'cpu'`` or ``'cuda'``.
        progress: Called ``steps(rows, rounds)`` times.

    Returns:
        In the order of ``rows``.
    """
    entries: list[Entry] = []
    for task in dict.fromkeys(row.task for row in rows):
        chosen = [row for row in rows if row.task == task]
        results = measure_task(chosen, settings[task], rounds, device, progress)
        for row, result in zip(chosen, results, strict=True):
            found = build_subject(row.path, settings[task].test)
            macs = count_macs(found.model, found.run)
            parameters = sum(p.numel() for p in found.model.parameters())
            entries.append(Entry(row, settings[task], parameters, macs, result))
    return entries


def steps(rows: Sequence[Row], rounds: int) -> int:
    """How many times ``bench`` reports progress."""
    return len(rows) * (1 + 2 * (rounds + 1))


def measure_task(
    rows: Sequence[Row],
    setting: Setting,
    rounds: int,
    device: str,
    progress: Progress,
) -> list[Result]:
    """The networks of one task, taking turns."""
    with ExitStack() as stack:
        workers = []
        for row in rows:
            progress(f'building {row.name}')
            worker = Worker(row, setting, device, torch.get_num_threads())
            stack.callback(worker.close)
            workers.append(worker)
        # inference first: its peak of memory is the lower one
        for what in ('test', 'train'):
            for number in range(rounds + 1):
                for row, worker in zip(rows, workers, strict=True):
                    progress(f'{row.name}: {what}')
                    getattr(worker, what)(keep=number > 0)
    return [worker.result for worker in workers]
