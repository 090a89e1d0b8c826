"""The four libraries of OpenMMLab that train HRNet, and their tested versions.

This module imports only the standard library: ``hrnet_mm.doctor`` loads its file even
if torch, mmengine or this package cannot be imported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library of OpenMMLab.

    Attributes:
        scope: The module name, which is also the ``default_scope`` of its configs.
        distribution: The name for pip.
        version: The tested version.
        task: ``'pose'``, ``'segmentation'``, ``'detection'`` or ``'classification'``.
        folder: The subpackage of hrnet_mm for the task, which is also an extra of the
            distribution.
        config_argument: The argument of its inferencer for the config.
        weights_argument: The argument of its inferencer for the weights.
    """

    scope: str
    distribution: str
    version: str
    task: str
    folder: str
    config_argument: str = 'model'
    weights_argument: str = 'weights'


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

# tested versions of common dependencies
MMENGINE = '0.10.7'
MMCV = '2.1.0'
OPENMIM = '0.3.9'


def library_of(scope: str | None) -> Library:
    """Return the library of a config.

    Args:
        scope: The ``default_scope`` of the config.

    Raises:
        ValueError: If it is not one of the four libraries.
    """
    if scope not in LIBRARIES:
        raise ValueError(
            f'unknown default_scope={scope!r}: expected {", ".join(LIBRARIES)}'
        )
    return LIBRARIES[scope]


def folder_of(scope: str | None) -> str:
    """Return the subpackage of hrnet_mm for a config.

    Args:
        scope: The ``default_scope`` of the config: one of the libraries, or
            ``'hrnet_mm'``, of networks with tasks of several libraries.

    Raises:
        ValueError: If it is neither.
    """
    return 'universal' if scope == 'hrnet_mm' else library_of(scope).folder
