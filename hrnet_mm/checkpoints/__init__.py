"""Reading checkpoint files."""

from .loading import CheckpointError, load

__all__ = ['CheckpointError', 'load']
