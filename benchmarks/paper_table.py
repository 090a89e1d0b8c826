"""Measures the networks of the paper's runtime table."""

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
"""Called before each step with its description."""


def choose_rows(tasks: Sequence[str]) -> list[Row]:
    """Return the rows of some tasks, or of all tasks if empty.

    Raises:
        ValueError: If a task is unknown, or its library is not installed.
    """
    known = list(dict.fromkeys(row.task for row in ROWS))
    unknown = [task for task in tasks if task not in known]
    if unknown:
        raise ValueError(f'unknown task {unknown[0]!r}; choose from {known}')
    rows = [row for row in ROWS if not tasks or row.task in tasks]
    missing = sorted({row.package for row in rows if find_spec(row.package) is None})
    if missing:
        raise ValueError(
            f'not installed: {", ".join(missing)}. Choose other tasks with --task, or '
            'see `hrnet-mm doctor`'
        )
    return rows


def describe_machine(device: str) -> dict[str, Any]:
    """Return the device and the version of torch, for reports.

    Raises:
        ValueError: If the device is not available.
    """
    devices = ['cpu', 'cuda'][: 1 + torch.cuda.is_available()]
    if device not in devices:
        raise ValueError(f'device {device!r} is not available; choose from {devices}')
    cpu = f'{torch.get_num_threads()} threads of {platform.machine()}'
    name = cpu if device == 'cpu' else torch.cuda.get_device_name()
    return dict(device=name, torch=torch.__version__)


def measure_rows(
    rows: Sequence[Row],
    settings: Mapping[str, Setting],
    rounds: int,
    device: str,
    progress: Progress,
) -> list[Entry]:
    """Measure time and memory of networks.

    Args:
        rows: The networks.
        settings: Image sizes and batch size for each task.
        rounds: Number of measurements of each network, after one warm-up.
        device: ``'cpu'`` or ``'cuda'``.
        progress: Called ``count_steps(rows, rounds)`` times.

    Returns:
        An entry for each row, in the same order.
    """
    entries: list[Entry] = []
    for task in dict.fromkeys(row.task for row in rows):
        chosen = [row for row in rows if row.task == task]
        results = _measure_task(chosen, settings[task], rounds, device, progress)
        for row, result in zip(chosen, results, strict=True):
            found = build_subject(row.path, settings[task].test)
            macs = count_macs(found.model, found.run)
            parameters = sum(p.numel() for p in found.model.parameters())
            entries.append(Entry(row, settings[task], parameters, macs, result))
    return entries


def count_steps(rows: Sequence[Row], rounds: int) -> int:
    """Return how many times ``measure_rows`` reports progress."""
    return len(rows) * (1 + 2 * (rounds + 1))


def _measure_task(
    rows: Sequence[Row],
    setting: Setting,
    rounds: int,
    device: str,
    progress: Progress,
) -> list[Result]:
    with ExitStack() as stack:
        workers = []
        for row in rows:
            progress(f'building {row.name}')
            worker = Worker(row, setting, device, torch.get_num_threads())
            stack.callback(worker.close)
            workers.append(worker)
        # inference first, because its peak memory is lower than that of training
        for mode in ('test', 'train'):
            for number in range(rounds + 1):
                for row, worker in zip(rows, workers, strict=True):
                    progress(f'{row.name}: {mode}')
                    getattr(worker, mode)(keep=number > 0)
    return [worker.result for worker in workers]
