"""The command predict."""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from .base import command, console, file, folder

RESULTS = ('predictions.json', 'images.json')
INTERRUPTED, TERMINATED = 130, 143  # exit codes of processes that signals end


@command()
@click.argument('model')
@click.argument('arguments', nargs=-1, required=True, metavar='[WEIGHTS] SOURCE...')
@click.option('--output', type=folder, default='outputs/predictions', show_default=True)
@click.option(
    '--boxes', type=file, help='Top-down pose: a COCO file with boxes of the instances.'
)
@click.option(
    '--detector', help='Top-down pose: name or config of a detector of MMDetection.'
)
@click.option('--detector-weights', help='Weights of the detector, if it is a config.')
@click.option(
    '--whole-image', is_flag=True, help='Top-down pose: each image is one instance.'
)
@click.option(
    '--image-ids', type=file, help='A COCO file that gives the ids of the images.'
)
@click.option('--track', is_flag=True, help='Number instances over the frames.')
@click.option('--fast', is_flag=True, help='Optimize the model for inference first.')
@click.option(
    '--batch',
    type=click.IntRange(1),
    help='Inputs of the model in a batch. By default up to 16 crops or 4 images.',
)
@click.option('--device', help='Such as cpu or cuda:1; by default a GPU if any.')
@click.option(
    '--threshold',
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help='Minimum score of an instance that is drawn or tracked.',
)
@click.option('--pictures/--no-pictures', default=True, show_default=True)
def predict(
    model: str,
    arguments: tuple[str, ...],
    output: Path,
    boxes: Path | None,
    detector: str | None,
    detector_weights: str | None,
    whole_image: bool,
    image_ids: Path | None,
    track: bool,
    fast: bool,
    batch: int | None,
    device: str | None,
    threshold: float,
    pictures: bool,
) -> None:
    """Predict keypoints, boxes, masks, classes or depth on images and videos.

    MODEL is a name of the model zoo, such as hrnet_w48_coco, or a config, which needs
    WEIGHTS. SOURCE is an image, a folder, a pattern, a video, a URL, or the number of a
    camera. The output folder gets pictures and the data: predictions.json and
    images.json (COCO results), labels/ (segmentation), segments/ (panoptic), depth/ or
    predictions.csv (classes). Of several tasks in one network, each task has a folder
    of its own with its data.
    """
    from hrnet_mm.checkpoints import CheckpointError
    from hrnet_mm.prediction.formats import ImageIds
    from hrnet_mm.prediction.models import (
        People,
        open_predictor,
        read_lists,
        split_arguments,
    )
    from hrnet_mm.prediction.pictures import Pictures
    from hrnet_mm.prediction.run import Prediction
    from hrnet_mm.prediction.sources import Sources

    _silence_libraries()
    people = People(boxes, detector, detector_weights, whole_image)
    try:
        model, weights, given = split_arguments([model, *arguments])
        sources = Sources(given)
        _check_output(output, sources, [boxes, image_ids])
        listed = image_ids or boxes
        images, categories = read_lists(listed) if listed else ([], [])
        ids = ImageIds(images, sources.images)
        if boxes:
            _leave_out(sources, ids, boxes)
        predictor, note = open_predictor(
            model,
            weights,
            device=device,
            people=people,
            ids=ids,
            fast=fast,
            threshold=threshold,
        )
        if track and not predictor.has_instances:
            raise ValueError(f'--track needs instances, and {model} predicts none')
    except (CheckpointError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if note:
        console.print(f'{note[0].upper()}{note[1:]}.', soft_wrap=True)
    data = predictor.open_data(output, ids, categories)
    drawn = Pictures(output) if pictures else None
    _run(Prediction(predictor, data, drawn, batch, track), sources, output)


def _silence_libraries() -> None:
    # what each start and each picture warns of, and nobody can change
    from mmengine.logging import MMLogger

    for module in ('mmengine.visualization', 'mmseg', 'mmcv.cnn'):
        warnings.filterwarnings('ignore', module=module.replace('.', r'\.'))
    MMLogger.get_current_instance().addFilter(
        lambda record: 'Failed to search registry' not in record.getMessage()
    )


def _check_output(output: Path, sources: Any, files: list[Path | None]) -> None:
    # nothing that is read may be replaced, and no result is a source of the next run
    written = [(output / name).resolve() for name in ('pictures', 'labels')]
    for source in sources.files:
        if any(Path(source).resolve().is_relative_to(folder) for folder in written):
            raise ValueError(
                f'{source} is in the output folder {output}, among the results: give '
                'another --output'
            )
    for path in filter(None, files):
        if path.resolve().parent == output.resolve() and path.name in RESULTS:
            raise ValueError(f'{path} would be replaced: give another --output')


def _leave_out(sources: Any, ids: Any, boxes: Path) -> None:
    left_out = sources.keep(lambda source: ids.find(source) is not None)
    if left_out and not sources.images:
        raise ValueError(
            f'no image has boxes: {left_out[0]} is not among `images` of {boxes}. '
            'If the file has results only, --image-ids FILE gives the ids of images'
        )
    if left_out:
        click.echo(
            f'{len(left_out)} of the images are not among `images` of {boxes} and are '
            f'left out (first: {left_out[0]}).'
        )


def _run(prediction: Any, sources: Any, output: Path) -> None:
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[speed]:.1f} images/s'),
        TimeRemainingColumn(),
    )
    start, exit_code = perf_counter(), 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task('predicting', total=len(sources) or None, speed=0.0)

        def report(number: int) -> None:
            speed = prediction.images / (perf_counter() - start)
            bar.update(task, advance=number, speed=speed)

        prediction.report = report
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            prediction.run(sources)
        except KeyboardInterrupt as stop:  # Ctrl-C, or a scheduler
            exit_code = TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error
        finally:
            signal.signal(signal.SIGTERM, before)
    seconds = perf_counter() - start
    console.print(
        f'{prediction.images} images in {seconds:.1f} s '
        f'({prediction.images / seconds:.1f} images/s): {output}',
        soft_wrap=True,
    )
    for failure in prediction.failures:
        click.echo(f'Skipped: {failure}', err=True)
    if exit_code:
        click.echo('Interrupted: the files have the results so far.', err=True)
    sys.exit(exit_code or int(bool(prediction.failures)))


class _Terminated(KeyboardInterrupt):
    pass


def _terminate(number: int, frame: Any) -> None:
    raise _Terminated
