"""Functions that find and run the scripts of the OpenMMLab libraries."""

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
    """Run ``train`` or ``test`` of the library of a config.

    This does the same as ``mim train LIBRARY CONFIG``, but in this process, for
    ``srun`` and ``torchrun``, and for ``mim train hrnet_mm CONFIG``, which runs the
    file in ``.mim/tools``. The config is the first command-line argument that ends in
    ``.py``. Of several tasks, the library is that of the first one.

    Args:
        name: ``train`` or ``test``.
    """
    config = next((word for word in sys.argv[1:] if word.endswith('.py')), None)
    usage = f'{name}.py CONFIG ...: what {name}.py of the library of CONFIG takes'
    if config is None:
        sys.exit(f'{sys.argv[0]} needs a config: {usage}')
    if not Path(config).is_file():
        sys.exit(f'{config}: no such file')
    settings = Config.fromfile(config)
    try:
        library = library_of(_scope_of(settings))
        folder = _tools_folder(library.scope)
    except ValueError as error:
        sys.exit(f'{config}: {error}')
    except ModuleNotFoundError as error:
        sys.exit(f'{config} is for {library.scope}: {error}')
    words = sys.argv[1:]
    if name == 'train':
        words = resume_or_start(words, settings, f'work_dirs/{Path(config).stem}')
    run_script(folder / f'{name}.py', words)


def _scope_of(settings: Config) -> str | None:
    scope = settings.get('default_scope')
    if scope != 'hrnet_mm':
        return scope
    # of several tasks: the scripts of all libraries do the same
    return next(iter(settings.model.tasks.values())).get('_scope_')


def _tools_folder(library: str) -> Path:
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f'pip install {LIBRARIES[library].distribution}')
    return Path(spec.origin).parent / '.mim/tools'


def find_script(library: str, name: str) -> Path:
    """Return the path of a script of a library.

    Args:
        library: One of the four libraries, such as ``mmdet``.
        name: The name of a script, or its folder and name: ``misc/browse_dataset``.

    Raises:
        ModuleNotFoundError: If the library is not installed.
        ValueError: If it is none of the four libraries, or if it has no such script or
            several.
    """
    if library not in LIBRARIES:
        raise ValueError(
            f'unknown library {library!r}: expected {", ".join(LIBRARIES)}'
        )
    folder = _tools_folder(library)
    scripts = {
        path.relative_to(folder).with_suffix('').as_posix(): path
        for path in sorted(folder.rglob('*.py'))
    }
    wanted = name.removesuffix('.py')
    found = [path for path in scripts if f'/{path}'.endswith(f'/{wanted}')]
    if not found:
        raise ValueError(
            f'{library} has no script {wanted}; it has {", ".join(scripts)}'
        )
    if wanted not in found and len(found) > 1:
        raise ValueError(
            f'{library} has {len(found)} scripts {wanted}: {", ".join(found)}'
        )
    return scripts[wanted if wanted in found else found[0]]


def run_script(script: Path, words: Sequence[str]) -> None:
    """Run a script in this process like ``python SCRIPT WORDS``."""
    sys.argv = [str(script), *words]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name='__main__')


def resume_or_start(words: list[str], settings: Config, work_dir: str) -> list[str]:
    """Translate ``--resume`` for a job that may be started many times.

    With ``--resume`` and without a checkpoint, three of the libraries ignore
    ``load_from`` and train from scratch, and mmseg resumes from ``load_from`` at each
    start. Here such a job starts as its config says, or from FILE if ``--resume FILE``
    is given as well. A job with a checkpoint in its work folder resumes from it.

    Args:
        words: Command-line arguments of the training script.
        settings: The config; ``--cfg-options`` are merged into it.
        work_dir: The work folder if neither arguments nor config name one.

    Returns:
        The arguments for the script of the library.
    """
    resuming = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    resuming.add_argument('--resume', nargs='?', const='auto', action='append')
    found, others = resuming.parse_known_args(words)
    resumes = found.resume or []
    if 'auto' not in resumes:
        return words
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--work-dir')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    given = parser.parse_known_args(others)[0]
    settings.merge_from_dict(given.cfg_options)
    folder = Path(given.work_dir or settings.get('work_dir') or work_dir)
    if any(path for glob in (POINTER, *RESUMABLE) for path in folder.glob(glob)):
        return [*others, '--resume', '--cfg-options', 'load_from=None']
    files = [file for file in resumes if file != 'auto']
    return [*others, '--resume', files[-1]] if files else others
