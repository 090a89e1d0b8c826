"""Where the processes of a job meet, and tell each other what they saw.

The store of ``torch.distributed`` alone: it works where NCCL does not, and knows who
has not come.
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
    # a batch script has the first three without srun
    'srun': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_STEP_ID'),
}


class MeetingError(RuntimeError):
    """This process cannot reach the others."""


def node() -> str:
    """What Slurm calls this node, or what it calls itself."""
    return os.environ.get('SLURMD_NODENAME') or socket.gethostname()


@dataclass(frozen=True)
class Place:
    """A process of a job.

    Attributes:
        launcher: What started it.
        rank: Its number.
        size: How many there are.
        local_rank: Its number on its node, and that of its GPU.
        address: Of the node of rank 0; empty if nobody says.
        port: There.
        host: Its own node.
    """

    launcher: str
    rank: int
    size: int
    local_rank: int
    address: str
    port: int
    host: str = field(default_factory=node)

    @property
    def point(self) -> str:
        """Where to meet, in the variables that change it."""
        return f'MASTER_ADDR={self.address} MASTER_PORT={self.port}'


def find_place() -> Place | None:
    """The place that a launcher gave to this process; None if there was none."""
    # torchrun may itself be started by srun
    for launcher, names in VARIABLES.items():
        if all(name in os.environ for name in names):
            rank, size, local_rank = (int(os.environ[name]) for name in names[:3])
            address = os.environ.get('MASTER_ADDR') or first_node()
            return Place(launcher, rank, size, local_rank, address, port())
    return None


def port() -> int:
    """``MASTER_PORT``, or the one of this job, as in ``tools/slurm_environment.sh``."""
    job = int(os.environ.get('SLURM_JOB_ID', 0))
    return int(os.environ.get('MASTER_PORT') or 20000 + job % 10000)


def first_node() -> str:
    """Of a Slurm job; empty in a container, which has no ``scontrol``."""
    command = [
        'scontrol',
        'show',
        'hostnames',
        os.environ.get('SLURM_JOB_NODELIST', ''),
    ]
    if not shutil.which(command[0]):
        return ''
    return subprocess.run(command, capture_output=True, text=True).stdout.split('\n')[0]


def wait_for(address: str, port: int, seconds: float) -> None:
    """Until somebody listens; torch would print its C++ frames meanwhile.

    Raises:
        OSError: if nobody does.
    """
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


class Meeting:
    """All processes of a job.

    Args:
        place: Of this one.
        seconds: To wait for rank 0.

    Raises:
        MeetingError: if there is no way to it.
    """

    def __init__(self, place: Place, seconds: float) -> None:
        self.place = place
        if not place.address:
            raise MeetingError(
                'MASTER_ADDR is not set, and there is no scontrol here (a container?)'
                ' that knows the first node'
            )
        # torchrun has a store at this address already
        agent = os.environ.get('TORCHELASTIC_USE_AGENT_STORE') == 'True'
        host = place.rank == 0 and not agent
        try:
            socket.getaddrinfo(place.address, place.port)
            if not host:
                wait_for(place.address, place.port, seconds)
            store = TCPStore(
                place.address,
                place.port,
                is_master=host,
                timeout=timedelta(seconds=seconds),
                wait_for_workers=False,
            )
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise MeetingError(
                f'rank {place.rank} ({place.host}) cannot meet the others at '
                f'{place.point} in {seconds:g} s: {reason}'
            ) from error
        start = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
        self.store = PrefixStore(f'hrnet-mm-doctor/{start}', store)

    def tell(self, topic: str, value: Any = None) -> None:
        """Put down what this process has to say, as JSON."""
        self.store.set(f'{topic}/{self.place.rank}', json.dumps(value))

    def hear(
        self, topic: str, seconds: float, ranks: Collection[int] = ()
    ) -> dict[int, Any]:
        """By rank, what was put down within some time; all ranks if none is given."""
        keys = {r: f'{topic}/{r}' for r in ranks or range(self.place.size)}
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
        except RuntimeError:  # rank 0 is gone, and the store with it
            return {}
