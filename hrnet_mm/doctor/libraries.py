"""The constants of ``hrnet_mm.libraries``, loaded from its file.

A regular import would import hrnet_mm, which may be broken, and is not possible if the
doctor runs as a folder or in a child process, outside of its package.
"""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrnet_mm.libraries import LIBRARIES, MMCV, MMENGINE, OPENMIM
else:
    _spec = util.spec_from_file_location(
        f'{__name__}.source', Path(__file__).resolve().parents[1] / 'libraries.py'
    )
    _source = sys.modules[_spec.name] = util.module_from_spec(_spec)
    _spec.loader.exec_module(_source)
    LIBRARIES = _source.LIBRARIES
    MMCV, MMENGINE, OPENMIM = _source.MMCV, _source.MMENGINE, _source.OPENMIM

__all__ = ['LIBRARIES', 'MMCV', 'MMENGINE', 'OPENMIM']
