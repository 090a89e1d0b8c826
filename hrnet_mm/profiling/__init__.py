"""Parameters, MACs and activations of networks, and a check of published figures."""

from .measure import Layer, count_macs, measure
from .models import Subject, build_subject
from .parts import Part, parts
from .published import NOT_REPRODUCED, PUBLISHED, Published
from .report import (
    profile,
    profile_table,
    published_notes,
    published_table,
    recompute,
)

__all__ = [
    'NOT_REPRODUCED',
    'PUBLISHED',
    'Layer',
    'Part',
    'Published',
    'Subject',
    'build_subject',
    'count_macs',
    'measure',
    'parts',
    'profile',
    'profile_table',
    'published_notes',
    'published_table',
    'recompute',
]  # fmt: skip
