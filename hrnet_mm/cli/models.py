"""Commands for models: show, profile, export, score."""

from __future__ import annotations

import json
import math
import sys
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from .base import (
    checkpoint_argument,
    command,
    config_argument,
    console,
    file,
    folder,
    read_config,
)


@command()
@config_argument
@checkpoint_argument
@click.option(
    '--output',
    type=click.Path(path_type=Path),
    default='predictions.png',
    show_default=True,
)
@click.option('--rows', default=4, show_default=True, help='Number of test images.')
def show(config: str, checkpoint: Path, output: Path, rows: int) -> None:
    """Visualize predictions of a trained model beside the ground truth.

    CONFIG is of mmpose, mmseg, mmdet or mmpretrain, or of several tasks
    (hrnet_mm.Universal), which are drawn in one picture.
    """
    from hrnet_mm.libraries import folder_of

    try:
        task = folder_of(read_config(config).get('default_scope'))
        visualization = import_module(f'hrnet_mm.{task}.visualization')
        sheet = visualization.prediction_sheet(config, checkpoint, output, rows)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    console.print(f'{sheet}', soft_wrap=True)  # a path to copy, on one line


@command()
@click.argument('source', metavar='CONFIG|ARCH', required=False)
@click.option(
    '--size',
    nargs=2,
    type=click.IntRange(32),
    help='Height and width of the image, at least 32.',
)
@click.option('--published', is_flag=True, help='Recompute all published figures.')
@click.option('--json', 'as_json', is_flag=True, help='As data, not as a table.')
def profile(
    source: str | None, size: tuple[int, int] | None, published: bool, as_json: bool
) -> None:
    """Count parameters, multiply-accumulates and activations of a model by part.

    CONFIG is of mmpose, mmseg, mmdet, mmpretrain or of several tasks, whose trunk runs
    once; ARCH is a trunk such as w48. The model has no weights, so that counting takes
    seconds and no memory.
    """
    from hrnet_mm import profiling

    if published == (source is not None):
        raise click.UsageError('use either CONFIG or ARCH, or --published')
    if source:
        if Path(source).is_file():
            read_config(source)
        try:
            found = profiling.profile(source, size)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        click.echo(json.dumps(found)) if as_json else console.print(
            profiling.profile_table(found)
        )
        return
    progress = Console(stderr=True)
    rows = [
        profiling.recompute(row)
        for row in track(profiling.PUBLISHED, 'recomputing', console=progress)
    ]
    if as_json:
        click.echo(json.dumps(rows))
    else:
        console.print(profiling.published_table(rows))
        notes = profiling.published_notes(rows, profiling.NOT_REPRODUCED)
        console.print('\n'.join(notes))
    if not all(row['agrees'] for row in rows):
        sys.exit(1)


@command()
@config_argument
@checkpoint_argument
@click.option(
    '--format',
    'name',
    type=click.Choice(['onnx', 'openvino', 'torch-export']),
    required=True,
)
@click.option('--output', type=folder, default='outputs/export', show_default=True)
@click.option('--size', nargs=2, type=click.IntRange(32), help='Height and width.')
@click.option('--batch', type=click.IntRange(1), default=1, show_default=True)
@click.option('--dynamic', is_flag=True, help='Any batch size and image size.')
@click.option(
    '--image',
    'images',
    multiple=True,
    type=file,
    help='An image for the verification; by default some of TinyPeople.',
)
@click.option('--tolerance', default=1e-3, show_default=True)
@click.option(
    '--precision',
    type=click.Choice(['float32', 'int8']),
    default='float32',
    show_default=True,
)
@click.option(
    '--calibrate',
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help='Folder of images, some tens, that --precision int8 needs.',
)
def export(
    config: str,
    checkpoint: Path,
    name: str,
    output: Path,
    size: tuple[int, int] | None,
    batch: int,
    dynamic: bool,
    images: tuple[Path, ...],
    tolerance: float,
    precision: str,
    calibrate: Path | None,
) -> None:
    """Export a trained model to a file that runs without OpenMMLab, and verify it.

    This works for top-down and bottom-up pose (heatmaps), segmentation (class scores
    per pixel), depth, detection (boxes and masks) and classification (probabilities).
    The output folder also gets a description of the model and run.py, which predicts
    keypoints, objects or labels for images, folders and videos. The outputs of the file
    are compared with those of the model in torch. If they differ by more than
    --tolerance, relative to the largest value, the command fails.

    With --precision int8, layers are quantised to 8 bits. `hrnet-mm score` tells what
    that costs.
    """
    from hrnet_mm import deploy
    from hrnet_mm.building import load_trained
    from hrnet_mm.inference import export as exporting
    from hrnet_mm.inference.model_facts import read_facts

    if (precision == 'int8') != (calibrate is not None):
        raise click.UsageError(
            '--precision int8 and --calibrate FOLDER need each other'
        )
    if precision == 'int8' and name != 'onnx':
        raise click.UsageError('--precision int8 needs --format onnx')
    cfg = read_config(config)
    try:
        exporting.check_format(name)
        facts = read_facts(cfg, checkpoint)
        model = load_trained(cfg, checkpoint)
        facts['size'] = list(size or facts['size'])
        given = exporting.read_images(images, facts, batch)
        samples = exporting.read_folder(calibrate, facts, batch) if calibrate else []
        slow, fast = (
            exporting.exported(it, facts['task']) for it in (model, deploy(model))
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f'writing {name}')
    path = exporting.write(fast, facts, name, output, batch=batch, dynamic=dynamic)
    if samples:
        from hrnet_mm.inference.quantisation import quantise

        quantise(path, [exporting.named_inputs(slow, images) for images in samples])
        tolerance = math.inf
    difference = exporting.compare(path, slow, given)
    limit = '' if samples else f' (tolerance {tolerance:.0e})'
    click.echo(
        f'{path}: on {sum(map(len, given))} images it differs from the model by at '
        f'most {difference.largest:.1e}, on average {difference.mean:.1e} of the '
        f'largest value{limit}'
    )
    if difference.largest > tolerance:
        sys.exit('The exported model differs: do NOT use it.')
    click.echo(f'python {output / "run.py"} IMAGE')


@command()
@click.argument('exported', metavar='FILE', type=file)
@config_argument
@click.argument('checkpoint', type=file, required=False)
@click.option('--json', 'as_json', is_flag=True, help='As data, not as a table.')
def score(exported: Path, config: str, checkpoint: Path | None, as_json: bool) -> None:
    """Run an exported file on the test set of a config, with its metric.

    FILE is the model in the folder that `hrnet-mm export` wrote. With CHECKPOINT, the
    score of the model in torch is printed beside it, and their difference. Data, flip
    test and decoding are those of CONFIG.
    """
    from hrnet_mm.inference import scoring

    cfg = read_config(config)
    try:
        scores = dict(file=scoring.score(cfg, file=exported))
        if checkpoint is not None:
            scores['model'] = scoring.score(cfg, checkpoint=checkpoint)
    except (ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(scores))
    else:
        console.print(scoring.score_table(scores))
