"""What current torch, numpy and packaging break in OpenMMLab, mended at import.

Each function mends one thing, does nothing where it is not broken, and is safe to call
again. What a plugin cannot mend (an installer, a resolver) ``hrnet-mm doctor`` names.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
from mmengine.dist import utils as dist_utils
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import checkpoint as mmengine_checkpoint

from .checkpoints import downloads, loading
from .cluster import launching


def apply() -> None:
    """Mend everything that a plugin can; one failure does not stop the others."""
    for mend in (
        load_checkpoints_safely,
        restore_find_loader,
        replace_broken_xtcocotools,
        stand_in_for_mmcv_ops,
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
    loading.allow_mmengine_checkpoints()
    loader = mmengine_checkpoint.CheckpointLoader
    loader.register_scheme(prefixes='', loader=load_from_local, force=True)
    loader.register_scheme(
        prefixes=downloads.SCHEME, loader=load_from_hrnet, force=True
    )
    mmengine_checkpoint.load_url = downloads.load_url


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Loader of plain paths; mmengine logs the part after ``load_from_``."""
    return loading.load(filename, map_location)


def load_from_hrnet(filename: str, map_location: Any = None) -> Any:
    """Loader of names of published weights."""
    return downloads.load_by_name(filename, map_location)


def restore_find_loader() -> None:
    """``pkgutil.find_loader``, which mmengine and mmcv call, left Python in 3.14."""
    if not hasattr(pkgutil, 'find_loader'):

        def find_loader(fullname: str) -> Any:
            return getattr(importlib.util.find_spec(fullname), 'loader', None)

        pkgutil.find_loader = find_loader


def replace_broken_xtcocotools() -> None:
    """Let mmpose score COCO with pycocotools where xtcocotools does not import.

    Its wheels are built for numpy 1 and old Pythons (jin-s13/xtcocoapi#45). Keypoints
    of whole bodies and of crowds, which only xtcocotools scores, stay an error.
    """
    if importlib.util.find_spec('mmpose') is None or 'xtcocotools' in sys.modules:
        return
    try:
        importlib.import_module('xtcocotools._mask')
    except (ImportError, ValueError):  # ValueError: numpy.dtype size changed
        from pycocotools import coco, cocoeval, mask

        for name in [m for m in sys.modules if m.split('.')[0] == 'xtcocotools']:
            del sys.modules[name]
        stub('xtcocotools')
        sys.modules['xtcocotools.coco'] = coco
        sys.modules['xtcocotools.mask'] = mask
        scoring: Any = stub('xtcocotools.cocoeval')
        scoring.COCOeval = with_sigmas(cocoeval.COCOeval)


def with_sigmas(base: Any) -> Any:
    """The ``COCOeval`` of pycocotools with the two arguments that xtcocotools adds."""

    class COCOeval(base):
        def __init__(
            self,
            cocoGt: Any = None,
            cocoDt: Any = None,
            iouType: str = 'keypoints',
            sigmas: Any = None,
            use_area: bool = True,
        ) -> None:
            super().__init__(cocoGt, cocoDt, iouType)
            if sigmas is not None:
                self.params.kpt_oks_sigmas = np.asarray(sigmas)
            if not use_area:  # the share of its box that a person covers on COCO
                for ann in cocoGt.anns.values():
                    ann['area'] = 0.53 * ann['bbox'][2] * ann['bbox'][3]

    return COCOeval


class MissingOps(ModuleType):
    """Stands in for ``mmcv._ext``: any operator can be imported, none can be called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError(
                f'mmcv.ops.{name} needs the compiled mmcv, and mmcv-lite is installed: '
                '`hrnet-mm doctor` prints how to install it. Pose, segmentation and '
                'classification do without, detection does not.'
            )

        return missing


def stand_in_for_mmcv_ops() -> None:
    """Let mmpose and mmseg import with mmcv-lite, which has no compiled operators."""
    if importlib.util.find_spec('mmcv._ext') is None:
        stub('mmcv._ext', MissingOps)


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


def stub(name: str, kind: type[ModuleType] = ModuleType) -> ModuleType:
    """Put a module of that name where ``import`` finds it."""
    module = kind(name)
    module.__spec__ = ModuleSpec(name, None)  # mmengine looks for it by spec
    sys.modules[name] = module
    return module
