"""The four libraries of OpenMMLab that train HRNet, and the versions tested with them.

Imports the standard library only: ``hrnet_mm.doctor`` reads this file where torch,
mmengine or this package cannot be imported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library of OpenMMLab.

    Attributes:
        scope: The module to import, and ``default_scope`` of its configs.
        distribution: What pip calls it.
        version: The tested version.
        task: ``'pose'``, ``'segmentation'``, ``'detection'`` or ``'classification'``.
        folder: Our package for the task, which is also an extra of our distribution.
        config_argument: What its inferencer calls the config.
        weights_argument: What its inferencer calls the weights.
        loads: Other families of checkpoints whose names it translates itself; see
            ``Family.library``.
    """

    scope: str
    distribution: str
    version: str
    task: str
    folder: str
    config_argument: str = 'model'
    weights_argument: str = 'weights'
    loads: tuple[str, ...] = ()


LIBRARIES = {
    library.scope: library
    for library in (
        Library(
            'mmpose',
            'mmpose',
            '1.3.2',
            'pose',
            'pose',
            config_argument='pose2d',
            weights_argument='pose2d_weights',
            loads=('mmpose-0.x',),
        ),
        Library('mmseg', 'mmsegmentation', '1.2.2', 'segmentation', 'seg'),
        Library('mmdet', 'mmdet', '3.3.0', 'detection', 'det'),
        Library(
            'mmpretrain',
            'mmpretrain',
            '1.2.0',
            'classification',
            'cls',
            weights_argument='pretrained',
        ),
    )
}

# The tested versions of what all four need.
MMENGINE = '0.10.7'
MMCV = '2.1.0'
OPENMIM = '0.3.9'


def library_of(scope: str | None) -> Library:
    """Return the library that a config is for.

    Args:
        scope: ``default_scope`` of the config.

    Raises:
        ValueError: if it is none of the four.
    """
    if scope not in LIBRARIES:
        raise ValueError(f'default_scope={scope!r} is none of {", ".join(LIBRARIES)}')
    return LIBRARIES[scope]
