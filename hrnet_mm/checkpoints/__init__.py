"""Published HRNet files of every family: read safely, converted, described."""

from . import downloads
from .conversion import TARGETS, convert
from .inspection import conversion_report, inspect, inspection_table
from .loading import CheckpointError, load
from .pretrained import translate_for
from .reading import Checkpoint, read

__all__ = [
    'TARGETS',
    'Checkpoint',
    'CheckpointError',
    'conversion_report',
    'convert',
    'downloads',
    'inspect',
    'inspection_table',
    'load',
    'read',
    'translate_for',
]
