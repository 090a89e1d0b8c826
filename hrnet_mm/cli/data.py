"""Commands for data sets: tiny-people, check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from .base import command, console, folder, read_config


@command('tiny-people')
@click.argument('root', type=folder, required=False)
@click.option('--crowd', is_flag=True, help='More figures per image, which overlap.')
@click.option(
    '--seed', default=0, show_default=True, help='The seed of the random generator.'
)
@click.option(
    '--sheet', type=click.Path(path_type=Path), help='Contact sheet: .jpg or .png'
)
@click.option(
    '--video',
    type=click.Path(path_type=Path),
    help='Render a video of two figures that cross, .mp4, instead of a data set.',
)
def tiny_people(
    root: Path | None, crowd: bool, seed: int, sheet: Path | None, video: Path | None
) -> None:
    """Render the data set TinyPeople into the folder ROOT.

    By default this is data/tiny_people, or data/tiny_crowd with --crowd.
    """
    if video is not None:
        _render_video(video, seed)
        return
    from hrnet_mm.tiny_people import TinyPeople, contact_sheet

    if sheet is not None and sheet.suffix not in ('.jpg', '.png'):
        raise click.BadParameter(f'{sheet} must end in .jpg or .png')
    root = root or Path('data/tiny_crowd' if crowd else 'data/tiny_people')
    with Progress(console=console) as bar:
        task = bar.add_task('rendering TinyPeople', total=None)
        try:
            TinyPeople(seed=seed, crowd=crowd).write(
                root, lambda done, total: bar.update(task, completed=done, total=total)
            )
        except (ValueError, FileExistsError) as error:
            raise click.ClickException(str(error)) from error
        bar.update(task, completed=1, total=1)
    console.print(f'TinyPeople is in {root}.', soft_wrap=True, markup=False)
    if sheet is not None:
        contact_sheet.save_sheet(root, sheet)
        console.print(f'The contact sheet is {sheet}.', soft_wrap=True, markup=False)


def _render_video(path: Path, seed: int) -> None:
    import numpy as np

    from hrnet_mm.tiny_people.scene import draw_crossing
    from hrnet_mm.videos import VideoWriter

    if path.suffix != '.mp4':
        raise click.BadParameter(f'{path} must end in .mp4')
    size = (320, 192)
    with VideoWriter(path, 25, size) as video:
        for scene in draw_crossing(np.random.default_rng(seed), size, frames=75):
            video.write(scene.image)
    console.print(f'The video is {path}.', soft_wrap=True, markup=False)


existing = click.Path(exists=True, path_type=Path)
existing_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@command()
@click.argument('data', metavar='DATA|CONFIG', type=existing)
@click.option('--images', type=existing_folder, help='The folder of the images.')
@click.option('--val', type=existing, help='DATA of the validation split.')
@click.option('--val-images', type=existing_folder, help='By default --images.')
@click.option('--classes', help='The classes in their order: road,house')
@click.option('--task', type=click.Choice(['pose', 'detection']))
@click.option('--output', type=folder, default='outputs/check', show_default=True)
def check(data: Path, output: Path, **options: Any) -> None:
    """Find faults of a data set before training, and draw its annotations.

    DATA is a COCO annotation file (with --images), a folder of label maps (with
    --images and --classes) or a folder with a folder of images for each class. --task
    is found by the annotations, if it is not given. CONFIG is a config (.py) of mmpose,
    mmseg, mmdet, mmpretrain, or of several tasks: all data that it reads are checked,
    with its classes, keypoints, label values and anchors.

    The report is report.html in --output, or of each of several tasks in a folder of
    its name. The exit code is 1 if training would stop or learn something wrong.
    """
    from hrnet_mm import data_check

    reports = []
    try:
        for task, arguments in _checked_data(data, options):
            if task:
                console.print(f'[bold]{task}[/]')
            report = _check(arguments)
            title = f'hrnet-mm check {data} {task}'.rstrip()
            path = data_check.write_report(report, output / task, title)
            data_check.print_report(report, console)
            console.print(str(path), soft_wrap=True, markup=False)
            reports.append(report)
        if not reports:
            raise ValueError(f'{data} has no task whose data are checked')
    except (ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if all(report.is_sound for report in reports) else 1)


def _checked_data(
    data: Path, options: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    # yields the name of a task, '' if there is one only, and the arguments of `check`
    from hrnet_mm import data_check

    if data.suffix != '.py':
        yield '', data_check.splits_of_data(data, **options)
        return
    if any(options.values()):
        raise click.UsageError('a CONFIG has only the option --output')
    for task, cfg in data_check.configs_of_tasks(read_config(str(data))).items():
        try:
            arguments = data_check.splits_of_config(cfg)
        except data_check.UnknownFormat as error:
            if not task:
                raise
            click.echo(f'{task} is not checked: {error}', err=True)
            continue
        yield task, arguments


def _check(arguments: dict[str, Any]) -> Any:
    from hrnet_mm import data_check

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('reading files', total=None)
        return data_check.check(
            **arguments,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
