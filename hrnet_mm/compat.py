"""What current torch, numpy and packaging break in OpenMMLab, mended at import.

Each function mends one thing, does nothing where it is not broken, and is safe to call
again. What a plugin cannot mend (an installer, a resolver) ``hrnet-mm doctor`` names.
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
    """Mend everything that a plugin can; one failure does not stop the others."""
    for mend in (
        load_checkpoints_safely,
        restore_find_loader,
        find_stand_ins,
        replace_broken_xtcocotools,
        launch_without_gpus,
    ):
        try:
            mend()
        except Exception as error:
            warnings.warn(
                f'hrnet_mm.compat.{mend.__name__} failed: {error}. '
                'Run `hrnet-mm doctor`: it names what is broken and prints the fix.',
                stacklevel=2,
            )


def load_checkpoints_safely() -> None:
    """Resume, test and inferencers read mmengine's checkpoints, and only data.

    From torch 2.6 mmengine 0.10 cannot read its own files (open-mmlab/mmengine#1655),
    while ``https://`` ones are unpickled without any restriction.
    """
    safe_load.allow_mmengine_checkpoints()
    loader = mmengine_checkpoint.CheckpointLoader
    loader.register_scheme(prefixes='', loader=load_from_local, force=True)
    loader.register_scheme(prefixes=hub.SCHEME, loader=load_from_hrnet, force=True)
    mmengine_checkpoint.load_url = hub.load_url


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Loader of plain paths; mmengine logs the part after ``load_from_``."""
    return safe_load.load(filename, map_location)


def load_from_hrnet(filename: str, map_location: Any = None) -> Any:
    """Loader of names of published weights."""
    return hub.load_by_name(filename, map_location)


def restore_find_loader() -> None:
    """``pkgutil.find_loader``, which mmengine and mmcv call, left Python in 3.14."""
    if not hasattr(pkgutil, 'find_loader'):

        def find_loader(fullname: str) -> Any:
            return getattr(importlib.util.find_spec(fullname), 'loader', None)

        pkgutil.find_loader = find_loader


def replace_broken_xtcocotools() -> None:
    """Score keypoints without xtcocotools where it is installed and does not import.

    Its wheels are built for numpy 1 and old Pythons (jin-s13/xtcocoapi#45).
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
    """Operators of mmcv and scores of keypoints where nothing compiled is installed.

    An installed hrnet_mm does that when Python starts; this is for a clone on the path.
    """
    hrnet_mm_standins.install()
    wanted = os.environ.get('HRNET_MM_OPS', '')
    if wanted not in ('', 'torchvision', 'compiled'):
        warnings.warn(
            f'HRNET_MM_OPS={wanted} is ignored: it takes torchvision (the operators of '
            'hrnet_mm) or compiled (those of mmcv, where it has them)',
            stacklevel=2,
        )


def launch_without_gpus() -> None:
    """``--launcher pytorch`` and ``slurm`` train on CPUs where there is no GPU.

    mmengine sets a CUDA device for each process whatever there is, so that a job could
    not be tried before it queues for its GPUs.
    """
    wrapper = MMDistributedDataParallel
    for owner, name, wrap in (
        (dist_utils, '_init_dist_pytorch', launching.over_gloo),
        (dist_utils, '_init_dist_slurm', launching.over_gloo),
        (wrapper, '__init__', launching.on_cpus),
    ):
        stock = getattr(owner, name)
        if not hasattr(stock, '__wrapped__'):
            setattr(owner, name, wrap(stock))
