"""The scripts of OpenMMLab's libraries, found by the config."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

from mmengine.config import Config

LIBRARIES = dict(
    mmpose='mmpose', mmseg='mmsegmentation', mmdet='mmdet', mmpretrain='mmpretrain'
)


def run_tool(name: str) -> None:
    """Run ``train`` or ``test`` of the library that a config is for.

    As ``mim train LIBRARY CONFIG`` does, but in this process, for ``srun`` and
    ``torchrun``. The config is the first argument that ends in ``.py``.
    """
    config = next((word for word in sys.argv[1:] if word.endswith('.py')), None)
    if config is None:
        sys.exit(f'{sys.argv[0]} takes a config: {name}.py CONFIG ...')
    if not Path(config).is_file():
        sys.exit(f'{config}: no such file')
    scope = Config.fromfile(config).get('default_scope')
    if scope not in LIBRARIES:
        known = ', '.join(LIBRARIES)
        sys.exit(f'{config}: default_scope={scope!r} is not one of {known}')
    spec = importlib.util.find_spec(scope)
    if spec is None or spec.origin is None:
        sys.exit(f'{config} is for {scope}: pip install {LIBRARIES[scope]}')
    script = Path(spec.origin).parent / f'.mim/tools/{name}.py'
    sys.argv[0] = str(script)
    runpy.run_path(str(script), run_name='__main__')
