"""Writes a project: a config, annotation files and joints, ready for training."""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.markup import escape
from rich.table import Table

from hrnet_mm.data_check import check, splits_of_config, write_report
from hrnet_mm.libraries import Library

from . import classification, detection, pose, segmentation
from .bases import Base, find_base, find_library
from .code import Expression, assignments, docstring
from .collection import FormatError
from .machine import this_machine
from .request import Draft, Request
from .settings import choose_batch, choose_schedule

TASKS = dict(pose=pose, det=detection, seg=segmentation, cls=classification)
ORDER = (
    'load_from', 'model', 'train_pipeline', 'test_pipeline', 'data',
    'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator',
    'test_evaluator', 'train_cfg', 'param_scheduler', 'optim_wrapper',
    'auto_scale_lr', 'default_hooks',
)  # fmt: skip


@dataclass
class Project:
    """A project that was written.

    Attributes:
        folder: Its folder.
        base: The config that it starts from.
        choices: Rows of setting, value and reason.
        notes: What was read in another way than written, or not at all.
        findings: What is wrong with the data, as `hrnet-mm check` says it.
        commands: The next commands.
    """

    folder: Path
    base: Base
    choices: list[tuple[str, str, str]]
    notes: list[str]
    findings: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def table(self) -> Table:
        """Return the table of settings."""
        table = Table(box=None)
        for title in ('setting', 'value', 'why'):
            table.add_column(title, overflow='fold')
        for row in self.choices:
            table.add_row(*map(escape, row))
        return table


def create(
    request: Request, output: Path, name: str | None = None, weights: str | None = None
) -> Project:
    """Look at the data, choose the settings, and write a project.

    Args:
        request: The data, and the task as the user writes it.
        output: The folder of the project; it must be new or empty.
        name: The name of a config of ours; by default one for the task and machine.
        weights: A file or a name of weights to start from; ``'none'`` for random
            weights. The default are the published weights of the config, or what it
            starts from itself.

    Raises:
        FormatError: If the data cannot be read without losing or guessing something, or
            a check of it says that training would stop.
        FileExistsError: If the folder is not empty.
        ValueError: If the task or the config is unknown.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f'{output} is not empty: choose another --output')
    library, machine = find_library(request.task), this_machine()
    base = find_base(library, name, machine)
    task = TASKS[library.folder]
    output = _checked(output.absolute())
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.new-', dir=output.parent) as folder:
        draft = Draft(Path(folder) / output.name)
        draft.folder.mkdir()
        why = 'from --from' if name else f'the default for {machine.label}'
        draft.plan.say('base', base.name, why)
        task.prepare(request, base, draft)
        _choose(library, base, draft, weights)
        task.finish(request, base, draft)
        project = Project(
            output,
            base,
            draft.plan.choices,
            [f'{reason} ({number})' for reason, number in draft.notes.items()],
            commands=_commands(library, output, request, draft),
        )
        config = draft.write('config.py', _config(project, draft))
        project.findings += _check_data(config, output)
        draft.write('README.md', _readme(project))
        os.replace(draft.folder, output)
    return project


def _checked(output: Path) -> Path:
    # mmengine writes the folder of a config into the text of the config
    name = output.as_posix()
    if any(it in name for it in ('\\', '"', '{{', '}}')) or not name.isprintable():
        raise FormatError(
            f'the path {name!r} has a backslash, a double quote, double braces or a '
            'control character, which MMEngine cannot read in the path of a config: '
            'choose another --output'
        )
    return output


def _choose(library: Library, base: Base, draft: Draft, weights: str | None) -> None:
    from hrnet_mm.profiling import profile

    assert draft.facts is not None
    plan, path = draft.plan, str(base.config.filename)

    def count_activations() -> int:
        return profile(path)['total']['activations']

    choose_batch(plan, base, draft.facts, this_machine(), count_activations)
    choose_schedule(plan, base, draft.facts, library.folder)
    _choose_weights(plan, base, weights)


def _choose_weights(plan: Any, base: Base, weights: str | None) -> None:
    backbone = base.config.model.backbone.get('init_cfg')
    chosen = None if weights == 'none' else weights or base.weights
    if chosen and Path(chosen).is_file():
        chosen = str(Path(chosen).resolve())
    if chosen:
        plan.settings['load_from'] = chosen
    if backbone and (chosen or weights == 'none'):  # all weights are in that file
        plan.settings.setdefault('model', {})['backbone'] = dict(init_cfg=None)
    if weights:
        plan.say('weights', chosen or 'random', 'from --weights')
    elif chosen:
        plan.say('weights', chosen, 'the published ones of the base, downloaded once')
    elif backbone:
        plan.say('weights', backbone['checkpoint'], 'the trunk, as in the base')
    else:
        plan.say('weights', 'random', 'the base trains from scratch')


def _check_data(config: Path, output: Path) -> list[str]:
    # what is wrong with the data as training will read them; the files are in the
    # output folder only when all is written
    report = check(**splits_of_config(Config.fromfile(config)))
    write_report(report, config.parent / 'check', f'hrnet-mm check {output}')
    stops = [it.message for it in report.findings if it.effect == 'stops']
    draft = str(config.parent)
    if stops:
        raise FormatError(f'training would stop: {"; ".join(stops)}'.replace(draft, ''))
    return [
        f'{it.effect}: {it.message}'.replace(draft, str(output))
        for it in report.findings
    ]


def _commands(
    library: Library, output: Path, request: Request, draft: Draft
) -> list[str]:
    try:
        shown = output.relative_to(Path.cwd())
    except ValueError:
        shown = output
    (val,) = (it['images'] for it in draft.splits if it['name'] == 'val')
    images = _quoted(request.val_images or request.images or val)
    config, work = _quoted(shown / 'config.py'), _quoted(shown / 'work')
    predict = f'hrnet-mm predict {config} {work}/best_*.pth {images}'
    if library.folder == 'pose':
        predict += f' --boxes {_quoted(shown / "annotations/val.json")}'
    return [f'mim train {library.scope} {config} --work-dir {work}', predict]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _config(project: Project, draft: Draft) -> str:
    # mmengine: the folder of the config, put here as text, and so with its quotes
    settings = {'root': Expression('r"""{{ fileDirname }}"""')}
    settings |= {n: draft.plan.settings[n] for n in ORDER if draft.plan.settings.get(n)}
    lines = [f'Written by `hrnet-mm new`, on {project.base.name}.', '']
    head = docstring([*lines, *project.commands]) + '\n\n'
    path = f"__import__('hrnet_mm').__path__[0]\n    + '/.mim/{project.base.file}'"
    base = Expression(f'[\n    {path}\n]')
    head += f'# the config in the installed package\n_base_ = {base}\n\n'
    return f'{head}{assignments(settings)}\n'


def _readme(project: Project) -> str:
    rows = [f'| {" | ".join(map(_cell, row))} |' for row in project.choices]
    notes = [f'- {_line(note)}' for note in [*project.notes, *project.findings]]
    parts = [
        f'# {project.folder.name}',
        '```bash\n' + '\n'.join(project.commands) + '\n```',
        '\n'.join(['| setting | value | why |', '|---|---|---|', *rows]),
        '\n'.join(notes) or 'Everything in the annotations was read as written.',
    ]
    return '\n\n'.join(parts) + '\n'


def _line(text: str) -> str:
    return ' '.join(text.splitlines())


def _cell(text: str) -> str:
    return _line(text).replace('|', r'\|')
