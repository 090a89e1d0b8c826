"""Checks of command lines, as the docs show them, without running them.

`check` parses a command with the parser of its program and looks for the files, options
and settings that it names. Words in capitals (CONFIG, CHECKPOINT) are placeholders. A
program without an entry in `PROGRAMS` is an error.
"""

from __future__ import annotations

import argparse
import copy
import functools
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import click
from jobs import script_of
from mmengine.config import Config
from mmengine.registry import (
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    WEIGHT_INITIALIZERS,
    init_default_scope,
)

from hrnet_mm.cli import main
from hrnet_mm.libraries import LIBRARIES, library_of

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / 'pyproject.toml').read_text()
CONFIGS = {path.stem: path for path in (ROOT / 'configs').rglob('*.py')}
TINY = {  # in place of CONFIG
    'mmpose': 'pose/hrnet_w18_small_v1_tiny-pose.py',
    'mmseg': 'seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    'mmdet': 'det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    'mmpretrain': 'cls/hrnetc_w18_small_v1_tiny-cls.py',
}
REGISTRIES = (
    DATASETS, HOOKS, LOOPS, METRICS, MODELS, OPTIM_WRAPPERS, OPTIMIZERS,
    WEIGHT_INITIALIZERS,
)  # fmt: skip
DEFAULTS = {'optim_wrapper': 'OptimWrapper'}  # what mmengine takes without a type
OF_A_USER = ('CONFIG', 'mine.py', 'mine/config.py')
OF_A_JOB = re.compile(r'work_dirs/(\w[\w-]*)/\w*?epoch_(\d+)\.pth')
ASSIGNMENT = re.compile(r'([A-Z]\w*)=(.*)', re.S)


def lines_of(page: Path) -> list[str]:
    """The commands in the bash blocks of a page, without comments."""
    blocks = re.findall(
        r'^```(?:bash|sh|shell|console)\n(.*?)^```', page.read_text(), re.S | re.M
    )
    text = ''.join(blocks).replace('\\\n', ' ')
    words = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [shlex.join(line) for line in words if line]


def settings_of(page: Path) -> list[str]:
    """The words after `--cfg-options` in the text of a page."""
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
    found = re.findall(r'`[^`\n]*--cfg-options ([^`\n]+)`', text)
    # a word in capitals stands for several
    return [words for words in found if not re.search(r'\b[A-Z]{3,}\b(?!=)', words)]


def check(words: list[str]) -> None:
    """Fail if a command could not run as it is."""
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    for i, word in enumerate(words):
        if word in ('&&', '||', '|', ';'):
            check(words[:i])
            return check(words[i + 1 :])
    words = [word for word in words if word != '...']
    for word in words:
        _check_file(word)
    program = words[0].removeprefix('.venv/bin/')
    if program.startswith('tools/'):
        assert os.access(ROOT / program, os.X_OK), f'{program} cannot be executed'
    assert program in PROGRAMS, f'{program} is not in PROGRAMS of {__file__}'
    PROGRAMS[program](words[1:])


def _check_file(word: str) -> None:
    if word.startswith(('configs/', 'tools/', 'tests/', 'docs/')):
        assert (ROOT / word).exists(), f'{word}: no such file'
    if (found := OF_A_JOB.fullmatch(word)) and found[1] in CONFIGS:
        epochs = read(CONFIGS[found[1]]).train_cfg.max_epochs
        assert int(found[2]) <= epochs, f'{word}: the config has {epochs} epochs'


@functools.cache
def read(path: Path) -> Config:
    return Config.fromfile(path)


def _parse(command: click.Command, words: list[str]) -> click.Context:
    # paths are not looked up
    with mock.patch.object(click.Path, 'convert', lambda self, value, *_: value):
        context = command.make_context(command.name, [*words])
        if isinstance(command, click.Group) and context._protected_args + context.args:
            name, *rest = context._protected_args + context.args
            assert name in command.commands, f'no command {name}'
            return _parse(command.commands[name], rest)
    return context


def _hrnet_mm(words: list[str]) -> None:
    _parse(main, words)


def _mim(words: list[str]) -> None:
    kind, *rest = words
    if not rest:  # `mim train ...`
        assert kind in ('train', 'test')
        return
    command = importlib.import_module(f'mim.commands.{kind}').cli
    params = _parse(command, rest).params
    library = params['package']  # mim writes it in lower case
    for scope in TINY if library == 'library' else [library]:
        if kind in ('train', 'test'):
            other = [*params['other_args']]
            if kind == 'test':
                other = [params['checkpoint'] or 'CHECKPOINT', *other]
            _script(scope, kind, params['config'], other)


def _script(library: str, kind: str, config: str, words: list[str]) -> None:
    """The arguments of the training or test script of a library, and its settings."""
    assert library in LIBRARIES, f'no library {library}'
    if config in OF_A_USER:
        config = f'configs/{TINY[library]}'
    path = ROOT / config
    assert path.is_file(), f'{config}: no such file'
    of = (library, 'hrnet_mm')  # networks of several tasks run on any runner
    assert read(path).default_scope in of, f'{config} is not of {library}'
    with mock.patch.object(sys, 'argv', [kind, config, *words]):
        args = _module(script_of(library, kind)).parse_args()
    check_options(read(path), args.cfg_options or {})


@functools.cache
def _module(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(f'of_{path.parts[-4]}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_options(cfg: Config, options: dict) -> None:
    """Fail if an option is neither in the config nor an argument of its class."""
    changed = copy.deepcopy(cfg)
    changed.merge_from_dict(options)
    init_default_scope(cfg.default_scope)
    for key in options:
        *parents, name = key.split('.')
        part = changed
        before = cfg.to_dict()
        for parent in parents:
            part = part[int(parent)] if isinstance(part, list) else part[parent]
            before = before.get(parent, {}) if isinstance(before, dict) else before
        if not (isinstance(before, dict) and name in before) and name != 'type':
            written = part.get('type', DEFAULTS.get(parents[-1]) if parents else None)
            assert written, f'{key}: nothing in the config has this key'
            kinds = [registry.get(written) for registry in REGISTRIES]
            assert any(_takes(kind, name) for kind in kinds if kind), (
                f'{key}: {written} has no argument {name}'
            )


def _takes(kind: type, name: str) -> bool:
    for base in kind.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            if name in parameters:
                return True
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                return False
    return False


def _train(words: list[str]) -> None:
    config, *rest = words
    _script(library_of(read(ROOT / config).default_scope).scope, 'train', config, rest)


def _test(words: list[str]) -> None:
    config, *rest = words
    _script(library_of(read(ROOT / config).default_scope).scope, 'test', config, rest)


def _dist_train(words: list[str]) -> None:
    config, gpus, *rest = words
    assert gpus.isdigit()
    _train([config, *rest])


def _python(words: list[str]) -> None:
    if words[0] == '-m':
        module = importlib.import_module(
            'benchmarks.__main__' if words[1] == 'benchmarks' else words[1]
        )
        assert isinstance(module.main, click.Command), f'{words[1]} has no parser'
        _parse(module.main, words[2:])
    else:  # the first is a copy that `hrnet-mm export` makes
        assert words[0] == 'outputs/export/run.py' or (ROOT / words[0]).is_file()


def _torchrun(words: list[str]) -> None:
    from torch.distributed.run import get_args_parser

    args = get_args_parser().parse_args(words)
    program = [args.training_script, *args.training_script_args]
    if args.module:
        program = ['python', '-m', *program]
    elif not args.no_python:
        program = ['python', *program]
    check(program)


def _slurm(words: list[str]) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('-p')
    parser.add_argument('-A')
    for name in ('nodes', 'time', 'ntasks-per-node', 'gres', 'cpus-per-task'):
        parser.add_argument(f'--{name}')
    parser.add_argument('program', nargs=argparse.REMAINDER)
    if program := parser.parse_args(words).program:
        check(program)


def _scancel(words: list[str]) -> None:
    assert {word for word in words if word != 'JOB'} <= {'--batch', '--signal=USR1'}


def _make(words: list[str]) -> None:
    makefile = (ROOT / 'Makefile').read_text()
    for word in words:
        target = re.search(rf'^{word}:', makefile, re.M)
        assert target or ASSIGNMENT.fullmatch(word), f'make {word}: no such target'


def _pip(words: list[str]) -> None:
    assert words[0] == 'install'
    for word in words[1:]:
        if word.startswith('.'):
            for extra in re.findall(r'\w+', word):
                assert f'\n{extra} = [' in PYPROJECT, f'no extra {extra}'
        elif word not in ('--no-deps', '-e'):
            name = re.match(r'[\w-]+', word)[0]
            assert re.search(rf'"{name}\b', PYPROJECT), (
                f'{name} is not in pyproject.toml'
            )


def _export(words: list[str]) -> None:
    sources = [
        p for folder in ('hrnet_mm', 'configs') for p in (ROOT / folder).rglob('*.py')
    ]
    for word in words:
        name = ASSIGNMENT.fullmatch(word)[1]
        assert any(f"'{name}'" in path.read_text() for path in sources), (
            f'nothing reads {name}'
        )


def _known(*lines: str) -> Callable[[list[str]], None]:
    def check_known(words: list[str]) -> None:
        assert ' '.join(words) in lines, f'not known: {words}'

    return check_known


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    'hrnet-mm': _hrnet_mm,
    'mim': _mim,
    'python': _python,
    'torchrun': _torchrun,
    'tools/dist_train.sh': _dist_train,
    'tools/slurm_train.sh': _train,
    'tools/slurm_test.sh': _test,
    'srun': _slurm,
    'sbatch': _slurm,
    'scancel': _scancel,
    'make': _make,
    'pip': _pip,
    'export': _export,
    'source': _known('.venv/bin/activate'),
    'apt-get': _known('install libtcmalloc-minimal4'),
}
