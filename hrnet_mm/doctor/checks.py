"""What is examined: one row per piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import trials
from .fixes import Finding, Level, numbers
from .libraries import LIBRARIES, MMENGINE


@dataclass(frozen=True)
class Limit:
    """Versions in [since, until) work badly or not at all."""

    level: Level
    why: str
    since: tuple[int, ...] = (0,)
    until: tuple[int, ...] = (9999,)


@dataclass(frozen=True)
class Check:
    """A row of the table.

    Args:
        name: What the reader calls the piece.
        modules: Imported in this order; the first tells whether the piece is there.
        why: What does not work without it.
        dist: The usual distribution, where it is not called like the package.
        absent: The level of a piece that is not there.
        failing: The level of a piece that is there and does not import.
        limits: Versions to warn of. Forks (`onedl-...`) number theirs differently.
        act: Tried after the imports. Returns what was seen, or raises.
    """

    name: str
    modules: tuple[str, ...] = ()
    why: str = ''
    dist: str = ''
    absent: Level = 'broken'
    failing: Level = 'broken'
    limits: tuple[Limit, ...] = ()
    act: Callable[[], Finding | str] | None = None

    @property
    def package(self) -> str:
        """The import name."""
        return self.modules[0].split('.')[0] if self.modules else ''


def check_of(scope: str) -> Check:
    """The check of a task library: imported as the runner imports it."""
    parts = ('datasets', 'engine', 'evaluation', 'models', 'visualization')
    modules = (scope, *(f'{scope}.{part}' for part in parts))
    library = LIBRARIES[scope]
    why = f'trains {library.folder}'
    return Check(scope, modules, why, library.distribution, absent='note')


# A group shares a child process: importing torch anew for each would take minutes.
BASICS = (
    Check('Python', act=trials.python),
    Check(
        'setuptools',
        ('pkg_resources',),
        'mim does not start without pkg_resources',
        dist='setuptools',
    ),
    Check('numpy', ('numpy',), 'everything needs it'),
    Check(
        'click',
        ('click',),
        'command lines need it',
        limits=(
            Limit('warning', '`mim search` crashes', (8, 3), (8, 3, 1)),
            Limit('warning', 'mim crashes: search, --launcher slurm', (8, 3, 1)),
        ),
    ),
    Check(
        'openmim',
        ('mim', 'mim.cli'),
        '`mim train` needs it',
        dist='openmim',
        absent='warning',
        act=trials.mim,
    ),
)
STACK = (
    Check(
        'torch',
        ('torch', 'numpy'),
        'everything needs it',
        limits=(
            Limit('broken', 'hrnet_mm needs torch >= 2.1', until=(2, 1)),
            Limit(
                'warning',
                'loading a checkpoint cannot be restricted to data before torch 2.6',
                until=(2, 6),
            ),
        ),
        act=trials.torch_numpy,
    ),
    Check(
        'GPU',
        ('torch',),
        'needs torch',
        absent='note',
        failing='warning',
        act=trials.gpu,
    ),
    Check(
        'torchvision',
        ('torchvision',),
        'mmpose, mmpretrain and the operators of hrnet_mm need it',
        act=trials.pair,
    ),
    Check('OpenCV', ('cv2',), 'mmcv needs it'),
    Check(
        'mmengine',
        ('mmengine', 'mmengine.runner'),
        'the runner of all four libraries',
        limits=(
            Limit(
                'warning',
                f'hrnet_mm is tested with mmengine {MMENGINE}',
                until=numbers(MMENGINE),
            ),
        ),
    ),
    Check(
        'mmcv',
        ('mmcv', 'mmcv.cnn', 'mmcv.transforms'),
        'convolutions, norms and data pipelines',
        limits=(
            Limit('broken', 'mmengine needs mmcv >= 2.0.0rc4', until=(2, 0)),
            Limit('warning', 'mmdet and mmseg refuse mmcv >= 2.2', (2, 2)),
        ),
    ),
    Check(
        'mmcv operators',
        ('mmcv._ext', 'mmcv.ops'),
        'mmdet, mmpose and mmseg import them, `mim test mmdet` before hrnet_mm',
        dist='mmcv',
        absent='warning',
        act=trials.operators,
    ),
    Check(
        'keypoint scores',
        ('xtcocotools',),
        'mmpose imports xtcocotools, its `apis` before hrnet_mm',
        absent='warning',
        failing='warning',
        act=trials.keypoint_scores,
    ),
)
TRAINING = (
    *map(check_of, LIBRARIES),
    Check(
        'training step',
        ('hrnet_mm.models',),
        'HRNet does not train here',
        act=trials.training_step,
    ),
)
GROUPS = (BASICS, STACK, TRAINING)
CHECKS = tuple(check for group in GROUPS for check in group)
