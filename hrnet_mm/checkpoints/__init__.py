"""Reading, conversion and description of published HRNet checkpoints."""

from . import hub
from .checkpoint import Checkpoint, read
from .conversion import TARGETS, convert
from .fitting import list_shape_mismatches
from .inspection import conversion_report, inspect, inspection_table
from .pretrained import translate_for
from .safe_load import CheckpointError, load
from .splitting import split

__all__ = [
    'TARGETS',
    'Checkpoint',
    'CheckpointError',
    'conversion_report',
    'convert',
    'hub',
    'inspect',
    'inspection_table',
    'list_shape_mismatches',
    'load',
    'read',
    'split',
    'translate_for',
]
