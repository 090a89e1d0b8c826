"""What a network costs, and whether the published figures are right."""

from .measure import Layer, count_macs, measure
from .models import Subject, subject
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
    'NOT_REPRODUCED', 'PUBLISHED', 'Layer', 'Part', 'Published', 'Subject',
    'count_macs', 'measure', 'parts', 'profile', 'profile_table', 'published_notes',
    'published_table', 'recompute', 'subject',
]  # fmt: skip
