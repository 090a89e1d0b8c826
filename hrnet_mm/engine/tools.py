"""The scripts of OpenMMLab's libraries, run in a process that knows hrnet_mm."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, DictAction

from hrnet_mm.libraries import LIBRARIES, library_of

from .checkpoint_hook import POINTER, RESUMABLE


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
    try:
        library = library_of(settings.get('default_scope'))
        folder = tools_of(library.scope)
    except ValueError as error:
        sys.exit(f'{config}: {error}')
    except ModuleNotFoundError as error:
        sys.exit(f'{config} is for {library.scope}: {error}')
    words = sys.argv[1:]
    if name == 'train':
        words = go_on_or_begin(words, settings, f'work_dirs/{Path(config).stem}')
    run_script(folder / f'{name}.py', words)


def tools_of(library: str) -> Path:
    """The folder of a library's scripts.

    Raises:
        ModuleNotFoundError: if the library is not installed.
    """
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f'pip install {LIBRARIES[library].distribution}')
    return Path(spec.origin).parent / '.mim/tools'


def find_script(library: str, name: str) -> Path:
    """A script by its name, or by its folder and name: ``misc/browse_dataset``.

    Raises:
        ModuleNotFoundError: if the library is not installed.
        ValueError: if it is none of the four, or has no such script, or several.
    """
    if library not in LIBRARIES:
        raise ValueError(f'{library} is none of {", ".join(LIBRARIES)}')
    folder = tools_of(library)
    scripts = {
        path.relative_to(folder).with_suffix('').as_posix(): path
        for path in sorted(folder.rglob('*.py'))
    }
    asked = name.removesuffix('.py')
    found = [it for it in scripts if f'/{it}'.endswith(f'/{asked}')]
    if not found:
        raise ValueError(
            f'{library} has no script {asked}; it has {", ".join(scripts)}'
        )
    if asked not in found and len(found) > 1:
        raise ValueError(f'{library} has {len(found)} of them: {", ".join(found)}')
    return scripts[asked if asked in found else found[0]]


def run_script(script: Path, words: Sequence[str]) -> None:
    """Run a script in this process, as ``python SCRIPT WORDS`` would in another."""
    sys.argv = [str(script), *words]
    sys.path.insert(0, str(script.parent))
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
