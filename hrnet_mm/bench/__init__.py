"""Memory and time of HRNet, beside other networks and beside other HRNets."""

from .race import Race, Variant, races
from .ratios import write_ratios
from .report import Entry, write
from .rivals import RIVALS, Rival
from .rows import PAPER, QUICK, ROWS, Row, Setting
from .run import bench, choose, steps
from .scaling import Point, scale, write_scaling
from .scaling import steps as scale_steps

__all__ = [
    'PAPER', 'QUICK', 'RIVALS', 'ROWS', 'Entry', 'Point', 'Race', 'Rival', 'Row',
    'Setting', 'Variant', 'bench', 'choose', 'races', 'scale', 'scale_steps', 'steps',
    'write', 'write_ratios', 'write_scaling',
]  # fmt: skip
