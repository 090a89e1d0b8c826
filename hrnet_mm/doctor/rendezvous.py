"""Exchange of messages between the processes of a job.

It uses only the store of ``torch.distributed``, which works without NCCL and shows
which processes are missing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from torch.distributed import PrefixStore, TCPStore

VARIABLES = {
    'torchrun': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    # the first three are also set in a batch script, outside of srun
    'srun': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_STEP_ID'),
}


class RendezvousError(RuntimeError):
    """An error for a process that cannot connect to rank 0."""


def _node_name() -> str:
    return os.environ.get('SLURMD_NODENAME') or socket.gethostname()


@dataclass(frozen=True)
class ProcessInfo:
    """A process of a job.

    Attributes:
        launcher: ``torchrun`` or ``srun``.
        rank: The rank of the process.
        size: The number of processes.
        local_rank: The rank within the node, which is also the index of the GPU.
        address: The address of the node of rank 0; empty if it is unknown.
        port: The port for the rendezvous on that node.
        host: The name of the node of this process.
    """

    launcher: str
    rank: int
    size: int
    local_rank: int
    address: str
    port: int
    host: str = field(default_factory=_node_name)

    @property
    def endpoint(self) -> str:
        """The address and port of the rendezvous, as environment variables."""
        return f'MASTER_ADDR={self.address} MASTER_PORT={self.port}'


def detect_process() -> ProcessInfo | None:
    """Return this process as its launcher describes it; None without a launcher."""
    # torchrun first: srun may have started it
    for launcher, names in VARIABLES.items():
        if all(name in os.environ for name in names):
            rank, size, local_rank = (int(os.environ[name]) for name in names[:3])
            address = os.environ.get('MASTER_ADDR') or _find_first_node()
            return ProcessInfo(launcher, rank, size, local_rank, address, _find_port())
    return None


def _find_port() -> int:
    # without MASTER_PORT the same as in tools/slurm_environment.sh
    job = int(os.environ.get('SLURM_JOB_ID', 0))
    return int(os.environ.get('MASTER_PORT') or 20000 + job % 10000)


def _find_first_node() -> str:
    # empty in a container, which has no scontrol
    command = [
        'scontrol',
        'show',
        'hostnames',
        os.environ.get('SLURM_JOB_NODELIST', ''),
    ]
    if not shutil.which(command[0]):
        return ''
    return subprocess.run(command, capture_output=True, text=True).stdout.split('\n')[0]


def _wait_for_port(address: str, port: int, seconds: float) -> None:
    # while it waits, TCPStore would print C++ frames
    deadline = time.monotonic() + seconds
    while True:
        try:
            left = max(deadline - time.monotonic(), 0.1)
            socket.create_connection((address, port), left).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


class Rendezvous:
    """A connection between all processes of a job.

    Args:
        process: This process.
        seconds: How long to wait for rank 0.

    Raises:
        RendezvousError: If this process cannot connect to rank 0.
    """

    def __init__(self, process: ProcessInfo, seconds: float) -> None:
        self.process = process
        if not process.address:
            raise RendezvousError(
                'MASTER_ADDR is not set, and there is no scontrol here (a container?) '
                'to look up the first node'
            )
        # the agent of torchrun already has a store at this address
        agent = os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'
        host = process.rank == 0 and not agent
        try:
            socket.getaddrinfo(process.address, process.port)
            if not host:
                _wait_for_port(process.address, process.port, seconds)
            store = TCPStore(
                process.address,
                process.port,
                is_master=host,
                timeout=timedelta(seconds=seconds),
                wait_for_workers=False,
            )
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise RendezvousError(
                f'rank {process.rank} ({process.host}) cannot connect to rank 0 at '
                f'{process.endpoint} within {seconds:g} s: {reason}'
            ) from error
        start = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
        self.store = PrefixStore(f'hrnet-mm-doctor/{start}', store)

    def publish(self, topic: str, value: Any = None) -> None:
        """Store a JSON-serializable value of this process under a topic."""
        self.store.set(f'{topic}/{self.process.rank}', json.dumps(value))

    def collect(
        self, topic: str, seconds: float, ranks: Collection[int] = ()
    ) -> dict[int, Any]:
        """Wait for the values of a topic and return those that arrived, by rank.

        Args:
            topic: The topic of ``publish``.
            seconds: How long to wait.
            ranks: The ranks to wait for; by default all.
        """
        keys = {r: f'{topic}/{r}' for r in ranks or range(self.process.size)}
        deadline = time.monotonic() + seconds
        try:
            while not self.store.check([*keys.values()]):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            return {
                rank: json.loads(self.store.get(key))
                for rank, key in keys.items()
                if self.store.check([key])
            }
        except RuntimeError:  # the store ended with rank 0
            return {}
