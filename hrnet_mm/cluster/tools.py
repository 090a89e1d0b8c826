"""The scripts of OpenMMLab's libraries, found by the config."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from .saving import POINTER, RESUMABLE

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
    settings = Config.fromfile(config)
    scope = settings.get('default_scope')
    if scope not in LIBRARIES:
        known = ', '.join(LIBRARIES)
        sys.exit(f'{config}: default_scope={scope!r} is not one of {known}')
    spec = importlib.util.find_spec(scope)
    if spec is None or spec.origin is None:
        sys.exit(f'{config} is for {scope}: pip install {LIBRARIES[scope]}')
    script = Path(spec.origin).parent / f'.mim/tools/{name}.py'
    words = sys.argv[1:]
    if name == 'train':
        words = go_on_or_begin(words, settings, f'work_dirs/{Path(config).stem}')
    sys.argv = [str(script), *words]
    runpy.run_path(str(script), run_name='__main__')


def go_on_or_begin(words: list[str], settings: Config, work_dir: str) -> list[str]:
    """Make of ``--resume`` what a job needs that may be started many times.

    With it three of the libraries forget ``load_from`` and train from scratch, and
    mmseg goes on from that file, each time. Here a job without a checkpoint begins as
    its config says, and any other goes on from the one in its work folder. With
    ``--resume FILE`` as well, a job without a checkpoint goes on from that one.
    """
    resuming = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    resuming.add_argument('--resume', nargs='?', const='auto', action='append')
    found, others = resuming.parse_known_args(words)
    asked = found.resume or []
    if 'auto' not in asked:
        return words
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--work-dir')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    given = parser.parse_known_args(others)[0]
    settings.merge_from_dict(given.cfg_options)
    folder = Path(given.work_dir or settings.get('work_dir') or work_dir)
    if any(path for glob in (POINTER, *RESUMABLE) for path in folder.glob(glob)):
        return [*others, '--resume', '--cfg-options', 'load_from=None']
    files = [file for file in asked if file != 'auto']
    return [*others, '--resume', files[-1]] if files else others
