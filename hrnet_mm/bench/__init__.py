"""Memory and time of HRNet, beside other networks and beside other HRNets."""

from .race import Race, Variant, races
from .race import steps as race_steps
from .ratios import write_ratios
from .report import Entry, write
from .rivals import RIVALS, Rival, choose_rivals
from .rows import PAPER, QUICK, ROWS, Row, Setting
from .run import bench, choose, describe, steps
from .turns import allocator

__all__ = [
    'PAPER', 'QUICK', 'RIVALS', 'ROWS', 'Entry', 'Race', 'Rival', 'Row', 'Setting',
    'Variant', 'allocator', 'bench', 'choose', 'choose_rivals', 'describe',
    'race_steps', 'races', 'steps', 'write', 'write_ratios',
]  # fmt: skip
