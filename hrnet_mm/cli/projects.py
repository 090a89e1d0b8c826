"""Commands for projects: new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .base import Refused, command, console, folder

path = click.Path(exists=True, path_type=Path)
images = click.Path(exists=True, file_okay=False, path_type=Path)


@command()
@click.argument('task', metavar='pose|seg|det|cls')
@click.option('--images', type=images, help='The folder of the images.')
@click.option(
    '--annotations',
    type=path,
    multiple=True,
    help='A file or folder of annotations; repeat it for several.',
)
@click.option('--val-images', type=images, help='The folder of validation images.')
@click.option('--val-annotations', type=path, multiple=True, help='Their annotations.')
@click.option('--from', 'name', help='A config of the model zoo to start from.')
@click.option('--weights', help='A file or name to start from; none: random.')
@click.option('--output', type=folder, required=True, help='The folder to write.')
@click.option(
    '--format',
    metavar='coco|cvat|labelme|voc|yolo',
    help='The format of the annotations; by default it is found.',
)
@click.option('--classes', help='Names of the classes of label maps: road,house')
@click.option('--label-suffix', help='How label maps end: _labelTrainIds.png')
@click.option(
    '--val-share',
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help='The share of images for validation if there is one set.',
)
@click.option('--seed', default=0, show_default=True, help='The seed of that split.')
def new(
    task: str, output: Path, name: str | None, weights: str | None, **data: Any
) -> None:
    """Write a config for your own images, ready for mim train.

    Annotations are a COCO or CVAT file, YOLO's data.yaml, or a folder of files of
    LabelMe or Pascal VOC; for seg also a folder of label maps. cls needs only --images:
    a folder for each class. Images are not copied. Without a GPU, the default is a
    small network that trains in minutes.
    """
    from hrnet_mm import new_project

    data['classes'] = (
        tuple((data['classes'] or '').split(',')) if data['classes'] else ()
    )
    request = new_project.Request(task, **data)
    try:
        project = new_project.create(request, output, name, weights)
    except ImportError as error:
        message = f'{error}: `hrnet-mm doctor` prints the fix'
        raise click.ClickException(message) from error
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error
    console.print(project.table())
    notes = [f'note: {note}' for note in project.notes]
    for line in [*notes, *project.findings]:
        console.print(line, soft_wrap=True, markup=False)
    console.print(f'Written: {project.folder}. Next:', soft_wrap=True, markup=False)
    for line in project.commands:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
