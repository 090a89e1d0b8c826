"""Trained models as files that run without OpenMMLab."""

from .answer import Answer
from .facts import read_facts
from .formats import (
    FORMATS,
    Difference,
    check_format,
    compare,
    missing_packages,
    read_images,
    trace,
    write,
)

__all__ = [
    'FORMATS', 'Answer', 'Difference', 'check_format', 'compare', 'missing_packages',
    'read_facts', 'read_images', 'trace', 'write',
]  # fmt: skip
