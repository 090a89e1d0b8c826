"""A process for each network: its own memory, measured, and no other's.

The networks of a task take turns, so that what slows the machine down for a while slows
all of them.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from .networks import Row, Setting

NO_ROOM = 'does not fit in memory'


@dataclass
class Result:
    """What was measured of one network.

    Attributes:
        train, test: Seconds of each training step, and of each image.
        train_memory, test_memory: Bytes at the peak, without the program itself.
        failure: Why there is nothing, if so.
    """

    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)
    train_memory: int = 0
    test_memory: int = 0
    failure: str = ''


class Worker:
    """The process of one network, as its parent sees it."""

    def __init__(self, row: Row, setting: Setting, device: str, threads: int) -> None:
        self.result = Result()
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(['benchmarks.workload'])
        self._pipe, end = context.Pipe()
        args = (end, row, setting, device, threads)
        self._process = context.Process(target=serve, args=args, daemon=True)
        self._process.start()
        end.close()
        self._receive()  # it is built

    def test(self, keep: bool = True) -> None:
        """One image."""
        if answer := self._ask('test'):
            self.result.test_memory = answer[1]
            self.result.test += [answer[0]] * keep

    def train(self, keep: bool = True) -> None:
        """One training step."""
        if answer := self._ask('train'):
            self.result.train_memory = answer[1]
            self.result.train += [answer[0]] * keep

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _ask(self, what: str) -> tuple[float, int] | None:
        if self.result.failure:
            return None
        return self._receive(what)

    def _receive(self, question: str | None = None) -> tuple[float, int] | None:
        try:
            if question:
                self._pipe.send(question)
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            # the system has killed it, as it does when memory runs out
            self._process.join()
            answer = f'{NO_ROOM} (ended with {self._process.exitcode})'
        if isinstance(answer, str):
            self.result.failure = answer
            return None
        return answer


def serve(
    pipe: Connection, row: Row, setting: Setting, device: str, threads: int
) -> None:
    """The process: build, then answer with seconds and bytes until killed."""
    import torch

    from .workload import Workload

    torch.set_num_threads(threads)
    limit_memory(device)
    program = peak(device)
    try:
        workload = Workload(row.path, row.task, device)
        workload.settle(setting.test)
        pipe.send((0.0, 0))
        while True:
            what = pipe.recv()
            start = time.perf_counter()
            if what == 'train':
                workload.train(setting.batch, setting.train)
            else:
                workload.test(setting.test)
            wait(device)
            seconds = time.perf_counter() - start
            pipe.send((seconds, peak(device) - program))
    except Exception as error:  # whatever it is, it belongs into the table
        pipe.send(why(error))


def why(error: Exception) -> str:
    """What a cell of the table says."""
    words = ('out of memory', "can't allocate memory", 'not enough memory')
    if isinstance(error, MemoryError) or any(w in str(error) for w in words):
        return NO_ROOM
    line = (str(error).splitlines() or [''])[0]
    return f'{type(error).__name__}: {line}'


def limit_memory(device: str) -> None:
    """Fail, as a GPU does, before the system begins to kill or to swap."""
    if device != 'cpu' or sys.platform != 'linux':
        return
    with open('/proc/meminfo') as file:
        sizes = dict(line.split(':') for line in file)
    available = int(sizes['MemAvailable'].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (available, available))


def peak(device: str) -> int:
    """The most bytes that were in use so far."""
    if device != 'cpu':
        import torch

        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def wait(device: str) -> None:
    """Until the device has done what it was told."""
    if device != 'cpu':
        import torch

        torch.cuda.synchronize()
