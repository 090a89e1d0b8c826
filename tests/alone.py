"""Exported folders, run where neither torch nor OpenMMLab is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BLOCKED = ('hrnet_mm', 'mmcv', 'mmdet', 'mmengine', 'mmpose', 'mmpretrain', 'mmseg')
BLOCK = """
import runpy, sys
class Block:
    def find_spec(name, *args):
        if name.split('.')[0] in {names!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block)
sys.argv = {argv!r}
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def run_alone(script: Path, *sources: Path, torch: bool = False) -> list[dict]:
    """Return what run.py prints for sources, in the folder above it."""
    names = {*BLOCKED} if torch else {*BLOCKED, 'torch', 'torchvision'}
    code = BLOCK.format(names=names, argv=[str(it) for it in (script, *sources)])
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=script.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
