"""Faults of a data set, found before a model is trained on it: ``hrnet-mm check``."""

from .checking import check
from .config import UnknownFormat, configs_of_tasks, splits_of_config
from .findings import EFFECTS, Finding, Report, Summary
from .report import print_report, write_report
from .sources import splits_of_data
from .splits import Anchors, Labels, Split

__all__ = [
    'EFFECTS', 'Anchors', 'Finding', 'Labels', 'Report', 'Split', 'Summary',
    'UnknownFormat', 'check', 'configs_of_tasks', 'print_report', 'splits_of_config',
    'splits_of_data', 'write_report',
]  # fmt: skip
