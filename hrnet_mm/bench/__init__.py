"""Memory and time of HRNet beside the networks that it was compared with."""

from .report import Entry, write
from .rows import PAPER, QUICK, ROWS, Row, Setting
from .run import bench, choose, describe, steps

__all__ = [
    'PAPER', 'QUICK', 'ROWS', 'Entry', 'Row', 'Setting', 'bench', 'choose', 'describe',
    'steps', 'write',
]  # fmt: skip
