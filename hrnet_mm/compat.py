"""Fixes for OpenMMLab with current torch, numpy and Python, applied at import.

Each function fixes one problem, does nothing if the problem does not exist, and can be
called again. Problems that a plugin cannot fix are reported by ``hrnet-mm doctor``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
import warnings
from typing import Any

from mmengine.dist import utils as dist_utils
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import checkpoint as mmengine_checkpoint

import hrnet_mm_standins

from . import launching
from .checkpoints import hub, safe_load


def apply() -> None:
    """Apply all fixes; if one fails, warn and continue with the others."""
    for fix in (
        load_checkpoints_safely,
        restore_find_loader,
        find_stand_ins,
        replace_broken_xtcocotools,
        launch_without_gpus,
    ):
        try:
            fix()
        except Exception as error:
            warnings.warn(
                f'hrnet_mm.compat.{fix.__name__} failed: {error}. '
                'Run `hrnet-mm doctor`: it names what is broken and prints the fix.',
                stacklevel=2,
            )


def load_checkpoints_safely() -> None:
    """Make mmengine load checkpoints with ``hrnet_mm.checkpoints.safe_load``.

    With torch 2.6 or later, mmengine 0.10 cannot load its own checkpoints
    (open-mmlab/mmengine#1655), while those of ``https://`` URLs are unpickled without
    any restriction.
    """
    safe_load.allow_mmengine_checkpoints()
    loader = mmengine_checkpoint.CheckpointLoader
    loader.register_scheme(prefixes='', loader=load_from_local, force=True)
    loader.register_scheme(prefixes=hub.SCHEME, loader=load_from_hrnet, force=True)
    mmengine_checkpoint.load_url = hub.load_url


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Load a checkpoint from a path; mmengine logs the name after ``load_from_``."""
    return safe_load.load(filename, map_location)


def load_from_hrnet(filename: str, map_location: Any = None) -> Any:
    """Load published weights by their name, ``hrnet://NAME``."""
    return hub.load_by_name(filename, map_location)


def restore_find_loader() -> None:
    """Restore ``pkgutil.find_loader``, which mmengine calls, in Python >= 3.14."""
    if not hasattr(pkgutil, 'find_loader'):

        def find_loader(fullname: str) -> Any:
            return getattr(importlib.util.find_spec(fullname), 'loader', None)

        pkgutil.find_loader = find_loader


def replace_broken_xtcocotools() -> None:
    """Replace xtcocotools by our stand-in if it is installed but cannot be imported.

    Its wheels are built for numpy 1 and old versions of Python (jin-s13/xtcocoapi#45).
    """
    spec = importlib.util.find_spec('xtcocotools')
    if spec is None or str(spec.origin).startswith(hrnet_mm_standins.ROOT):
        return
    try:
        importlib.import_module('xtcocotools._mask')
    except (ImportError, ValueError):  # ValueError: numpy.dtype size changed
        for name in [m for m in sys.modules if m.split('.')[0] == 'xtcocotools']:
            del sys.modules[name]
        sys.meta_path.insert(0, hrnet_mm_standins.StandInFinder(['xtcocotools']))


def find_stand_ins() -> None:
    """Install the import hooks for stand-ins of mmcv's operators and xtcocotools.

    An installed hrnet_mm does that when Python starts; this call is for a clone that is
    only on ``sys.path``.
    """
    hrnet_mm_standins.install()
    wanted = os.environ.get('HRNET_MM_OPS', '')
    if wanted not in ('', 'torchvision', 'compiled'):
        warnings.warn(
            f'HRNET_MM_OPS={wanted} is ignored: use torchvision (the operators of '
            'hrnet_mm) or compiled (those of mmcv, if it has any)',
            stacklevel=2,
        )


def launch_without_gpus() -> None:
    """Let ``--launcher pytorch`` and ``slurm`` train on CPUs if there is no GPU.

    mmengine always sets a CUDA device, so that a job could not be tried on a machine
    without GPUs.
    """
    wrapper = MMDistributedDataParallel
    for owner, name, wrap in (
        (dist_utils, '_init_dist_pytorch', launching.use_gloo_without_gpu),
        (dist_utils, '_init_dist_slurm', launching.use_gloo_without_gpu),
        (wrapper, '__init__', launching.train_on_cpu),
    ):
        stock = getattr(owner, name)
        if not hasattr(stock, '__wrapped__'):
            setattr(owner, name, wrap(stock))
