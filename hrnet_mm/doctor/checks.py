"""The table of checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import trials
from .fixes import Finding, Level, parse_version
from .libraries import LIBRARIES, MMENGINE


@dataclass(frozen=True)
class VersionLimit:
    """A range of versions, [since, until), that has problems."""

    level: Level
    why: str
    since: tuple[int, ...] = (0,)
    until: tuple[int, ...] = (9999,)


@dataclass(frozen=True)
class Check:
    """A check of one component of the environment.

    Args:
        name: The name in the report.
        modules: Modules to import, in this order; the first one determines whether the
            component is installed.
        why: What does not work without the component.
        dist: The usual distribution, if its name differs from that of the package.
        absent: The level if the component is not installed.
        failing: The level if it is installed but cannot be imported.
        limits: Versions with problems. They do not apply to forks (`onedl-...`), which
            have other version numbers.
        trial: A function to run after the imports. It returns a finding or a text for
            it, or raises an error.
    """

    name: str
    modules: tuple[str, ...] = ()
    why: str = ''
    dist: str = ''
    absent: Level = 'broken'
    failing: Level = 'broken'
    limits: tuple[VersionLimit, ...] = ()
    trial: Callable[[], Finding | str] | None = None

    @property
    def package(self) -> str:
        """The import name of the top-level package."""
        return self.modules[0].split('.')[0] if self.modules else ''


def _library_check(scope: str) -> Check:
    # the subpackages that the runner imports
    parts = ('datasets', 'engine', 'evaluation', 'models', 'visualization')
    modules = (scope, *(f'{scope}.{part}' for part in parts))
    library = LIBRARIES[scope]
    why = f'trains {library.folder}'
    return Check(scope, modules, why, library.distribution, absent='note')


# The checks of a group share a child process, because importing torch takes long.
BASICS = (
    Check('Python', trial=trials.check_python),
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
            VersionLimit('warning', '`mim search` crashes', (8, 3), (8, 3, 1)),
            VersionLimit('warning', 'mim crashes: search, --launcher slurm', (8, 3, 1)),
        ),
    ),
    Check(
        'openmim',
        ('mim', 'mim.cli'),
        '`mim train` needs it',
        dist='openmim',
        absent='warning',
        trial=trials.check_mim,
    ),
)
STACK = (
    Check(
        'torch',
        ('torch', 'numpy'),
        'everything needs it',
        limits=(
            VersionLimit('broken', 'hrnet_mm needs torch >= 2.1', until=(2, 1)),
            VersionLimit(
                'warning',
                'loading a checkpoint cannot be restricted to data before torch 2.6',
                until=(2, 6),
            ),
        ),
        trial=trials.check_torch_numpy,
    ),
    Check(
        'GPU',
        ('torch',),
        'needs torch',
        absent='note',
        failing='warning',
        trial=trials.check_gpu,
    ),
    Check(
        'torchvision',
        ('torchvision',),
        'mmpose, mmpretrain and the operators of hrnet_mm need it',
        trial=trials.check_torchvision,
    ),
    Check('OpenCV', ('cv2',), 'mmcv needs it'),
    Check(
        'mmengine',
        ('mmengine', 'mmengine.runner'),
        'the runner of all four libraries',
        limits=(
            VersionLimit(
                'warning',
                f'hrnet_mm is tested with mmengine {MMENGINE}',
                until=parse_version(MMENGINE),
            ),
        ),
    ),
    Check(
        'mmcv',
        ('mmcv', 'mmcv.cnn', 'mmcv.transforms'),
        'convolutions, norms and data pipelines',
        limits=(
            VersionLimit('broken', 'mmengine needs mmcv >= 2.0.0rc4', until=(2, 0)),
            VersionLimit('warning', 'mmdet and mmseg refuse mmcv >= 2.2', (2, 2)),
        ),
    ),
    Check(
        'mmcv operators',
        ('mmcv._ext', 'mmcv.ops'),
        'mmdet, mmpose and mmseg import them, `mim test mmdet` before hrnet_mm',
        dist='mmcv',
        absent='warning',
        trial=trials.check_operators,
    ),
    Check(
        'keypoint scores',
        ('xtcocotools',),
        'mmpose imports xtcocotools, its `apis` before hrnet_mm',
        absent='warning',
        failing='warning',
        trial=trials.check_keypoint_scores,
    ),
)
TRAINING = (
    *map(_library_check, LIBRARIES),
    Check(
        'training step',
        ('hrnet_mm.models',),
        'HRNet does not train here',
        trial=trials.check_training_step,
    ),
)
GROUPS = (BASICS, STACK, TRAINING)
CHECKS = tuple(check for group in GROUPS for check in group)
