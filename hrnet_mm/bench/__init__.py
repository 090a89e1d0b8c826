"""Memory and time of HRNet, beside other networks and beside other HRNets."""

from .race import Race, Variant, races
from .race import steps as race_steps
from .ratios import write_ratios
from .report import Entry, write
from .rivals import RIVALS, Rival, choose_rivals
from .rows import PAPER, QUICK, ROWS, Row, Setting
from .run import bench, choose, describe, steps
from .scaling import Point, scale, write_scaling
from .scaling import steps as scale_steps
from .turns import allocator

__all__ = [
    'PAPER', 'QUICK', 'RIVALS', 'ROWS', 'Entry', 'Point', 'Race', 'Rival', 'Row',
    'Setting', 'Variant', 'allocator', 'bench', 'choose', 'choose_rivals', 'describe',
    'race_steps', 'races', 'scale', 'scale_steps', 'steps', 'write', 'write_ratios',
    'write_scaling',
]  # fmt: skip
