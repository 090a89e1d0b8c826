"""Runs each network in its own process, which measures time and peak memory."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from .networks import Row, Setting

OUT_OF_MEMORY = 'does not fit in memory'


@dataclass
class Result:
    """Measurements of one network.

    Attributes:
        train, test: Seconds of each training step, and of each test image.
        train_memory, test_memory: Peak memory in bytes, without that of the program
            before it builds the network.
        failure: Reason for missing measurements, or empty.
    """

    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    train_memory: int = 0
    test_memory: int = 0
    failure: str = ''


class Worker:
    """Handle of the process that runs one network."""

    def __init__(self, row: Row, setting: Setting, device: str, threads: int) -> None:
        self.result = Result()
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(['benchmarks.workload'])
        self._pipe, end = context.Pipe()
        args = (end, row, setting, device, threads)
        self._process = context.Process(target=_serve, args=args, daemon=True)
        self._process.start()
        end.close()
        self._receive()  # when the network is built

    def test(self, keep: bool = True) -> None:
        """Run one test image; keep its time unless ``keep`` is False."""
        if measured := self._run('test'):
            seconds, self.result.test_memory = measured
            self.result.test += [seconds] * keep

    def train(self, keep: bool = True) -> None:
        """Run one training step; keep its time unless ``keep`` is False."""
        if measured := self._run('train'):
            seconds, self.result.train_memory = measured
            self.result.train += [seconds] * keep

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _run(self, mode: str) -> tuple[float, int] | None:
        if self.result.failure:
            return None
        return self._receive(mode)

    def _receive(self, mode: str | None = None) -> tuple[float, int] | None:
        try:
            if mode:
                self._pipe.send(mode)
            reply = self._pipe.recv()
        except (EOFError, ConnectionError):
            # killed by the system, which does so when memory runs out
            self._process.join()
            reply = f'{OUT_OF_MEMORY} (ended with {self._process.exitcode})'
        if isinstance(reply, str):
            self.result.failure = reply
            return None
        return reply


def _serve(
    pipe: Connection, row: Row, setting: Setting, device: str, threads: int
) -> None:
    # builds the network, then replies with seconds and bytes until killed
    import torch

    from .workload import Workload

    torch.set_num_threads(threads)
    _limit_memory(device)
    program = _peak_memory(device)
    try:
        workload = Workload(row.path, row.task, device)
        workload.settle(setting.test)
        pipe.send((0.0, 0))
        while True:
            mode = pipe.recv()
            start = time.perf_counter()
            if mode == 'train':
                workload.train(setting.batch, setting.train)
            else:
                workload.test(setting.test)
            _synchronize(device)
            seconds = time.perf_counter() - start
            pipe.send((seconds, _peak_memory(device) - program))
    except Exception as error:  # the table reports any failure
        pipe.send(_failure(error))


def _failure(error: Exception) -> str:
    words = ('out of memory', "can't allocate memory", 'not enough memory')
    if isinstance(error, MemoryError) or any(w in str(error) for w in words):
        return OUT_OF_MEMORY
    line = (str(error).splitlines() or [''])[0]
    return f'{type(error).__name__}: {line}'


def _limit_memory(device: str) -> None:
    # allocations then fail, as on a GPU, before the system swaps or kills processes
    if device != 'cpu' or sys.platform != 'linux':
        return
    with open('/proc/meminfo') as file:
        sizes = dict(line.split(':') for line in file)
    available = int(sizes['MemAvailable'].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (available, available))


def _peak_memory(device: str) -> int:
    if device != 'cpu':
        import torch

        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _synchronize(device: str) -> None:
    if device != 'cpu':
        import torch

        torch.cuda.synchronize()
