"""The command-line interface ``hrnet-mm``.

``hrnet_mm_cli.py`` runs this file without its package: ``hrnet_mm``, torch and mmengine
are imported only when a command runs, so that help is shown at once.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import (
    Progress,
    track,
)

console = Console(file=sys.stdout)
folder = click.Path(file_okay=False, path_type=Path)
file = click.Path(exists=True, dir_okay=False, path_type=Path)
config_argument = click.argument('config', type=click.Path(exists=True, dir_okay=False))
checkpoint_argument = click.argument('checkpoint', type=file)


class Command(click.Command):
    """A command that imports ``hrnet_mm`` when it runs, but not for its help.

    The import fixes OpenMMLab, so it must precede all other imports of a command.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Import ``hrnet_mm`` and run the command."""
        import_module('hrnet_mm')
        return super().invoke(ctx)


class Group(click.Group):
    """The group of all commands."""

    command_class = Command


@click.group(cls=Group, context_settings=dict(help_option_names=['-h', '--help']))
@click.version_option(package_name='hrnet_mm')
def main() -> None:
    """One HRNet for all of OpenMMLab."""


@main.command()
@click.option('--output', type=folder, default='outputs/demo', show_default=True)
@click.option('--data', type=folder, default='data/tiny_people', show_default=True)
def demo(output: Path, data: Path) -> None:
    """Render TinyPeople, train a small HRNet on it, and visualize its predictions."""
    try:
        from hrnet_mm.pose import demo as pose_demo
    except ImportError as error:
        message = f'{error}: the demo needs mmpose; `hrnet-mm doctor` prints the fix'
        raise click.ClickException(message) from error
    try:
        pose_demo.run(output, data, console)
    except (pose_demo.DemoError, FileExistsError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
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

    CONFIG is of mmpose, mmseg, mmdet or mmpretrain.
    """
    from hrnet_mm.libraries import library_of

    try:
        library = library_of(_read_config(config).get('default_scope'))
        visualization = import_module(f'hrnet_mm.{library.folder}.visualization')
        sheet = visualization.prediction_sheet(config, checkpoint, output, rows)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    console.print(f'{sheet}', soft_wrap=True)  # a path to copy, on one line


@main.command()
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

    CONFIG is of mmpose, mmseg, mmdet or mmpretrain; ARCH is a trunk such as w48. The
    model has no weights, so that counting takes seconds and no memory.
    """
    from hrnet_mm import profiling

    if published == (source is not None):
        raise click.UsageError('use either CONFIG or ARCH, or --published')
    if source:
        if Path(source).is_file():
            _read_config(source)
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


def _read_config(path: str, **options: Any) -> Any:
    from mmengine.config import Config

    try:
        return Config.fromfile(path, **options)
    except Exception as error:  # a config is code, and raises anything
        reason = f'{type(error).__name__}: {error}'
        raise click.ClickException(f'cannot read the config {path}: {reason}') from None


class Refused(click.ClickException):
    """An error for a file that cannot be used, with exit code 2."""

    exit_code = 2


@main.command()
@click.argument('sources', nargs=-1, metavar='[NAME|URL|CONFIG]...')
def fetch(sources: tuple[str, ...]) -> None:
    """Download weights into the cache, for machines without a network.

    NAME is a name of published weights, such as w48/imagenet or hrnet_w48_coco; without
    an argument, all names are listed. For a CONFIG, all weights are downloaded that a
    training job reads before its first step. The cache is the folder HRNET_MM_CACHE, or
    that of torch if it is not set.
    """
    from hrnet_mm.checkpoints import CheckpointError, hub

    if not sources:
        click.echo('\n'.join(hub.list_known()))
    for source in sources:
        try:
            for line in _fetch_all(source):
                click.echo(line)
        except (CheckpointError, FileNotFoundError) as error:
            raise Refused(str(error)) from error


def _fetch_all(source: str) -> Iterator[str]:

    from hrnet_mm.checkpoints import hub

    needed = [source]
    if Path(source).suffix in ('.py', '.json', '.yaml', '.yml'):
        cfg = _read_config(source, import_custom_modules=False)
        needed = hub.list_needed(cfg)
        if not needed:
            yield f'{source} starts from random weights: there is nothing to fetch'
    for name in needed:
        if name != source and '://' not in name and not Path(name).is_file():
            raise FileNotFoundError(
                f'{source} starts from the file {name}, which does not exist (in '
                f'{Path.cwd()}); fetch downloads names and URLs only'
            )
        path = hub.fetch(name)
        yield f'{name}: {path} ({path.stat().st_size / 1e6:.1f} MB)'


@main.command('inspect')
@click.argument('source')
@click.option('--json', 'as_json', is_flag=True, help='As data, not as a table.')
def inspect_checkpoint(source: str, as_json: bool) -> None:
    """Show the family, arch and task of a checkpoint, and what can load it.

    SOURCE is a file of any published family, a URL, or a name that `hrnet-mm fetch`
    lists. No code in the file is executed.
    """
    from hrnet_mm import checkpoints

    try:
        file = checkpoints.hub.resolve(source)
        found = checkpoints.inspect(checkpoints.read(file))
    except (checkpoints.CheckpointError, OSError) as error:
        raise Refused(str(error)) from error
    if as_json:
        click.echo(json.dumps(found))
    else:
        console.print(checkpoints.inspection_table(found))


@main.command()
@click.argument('source')
@click.argument('target', type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    '--to',
    default='official',
    show_default=True,
    help='A library of OpenMMLab, official or timm.',
)
def convert(source: str, target: Path, to: str) -> None:
    """Convert a checkpoint of any family to the keys of another code base.

    Heads that the other code base does not have are left out. TARGET may end in
    .safetensors.
    """
    from hrnet_mm import checkpoints

    try:
        file = checkpoints.hub.resolve(source)
        checkpoint, conversion = checkpoints.convert(file, target, to)
    except (checkpoints.CheckpointError, OSError, ValueError) as error:
        raise Refused(str(error)) from error
    report = checkpoints.conversion_report(checkpoint, conversion, target)
    console.print(report, soft_wrap=True)


@main.command(
    context_settings=dict(ignore_unknown_options=True, allow_interspersed_args=False)
)
@click.argument('library')
@click.argument('script')
@click.argument('arguments', nargs=-1, type=click.UNPROCESSED)
def tool(library: str, script: str, arguments: tuple[str, ...]) -> None:
    """Run a script from the tools of a library, such as publish_model.

    This is like `mim run LIBRARY SCRIPT ARGUMENTS`, but imports hrnet_mm first. Without
    it, scripts that read checkpoints fail with torch >= 2.6.
    """
    from hrnet_mm.engine import tools

    try:
        path = tools.find_script(library, script)
    except (ModuleNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    tools.run_script(path, arguments)


@main.command()
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
) -> None:
    """Export a trained model to a file that runs without OpenMMLab, and verify it.

    This works for models of mmpose (heatmaps), mmseg (class scores per pixel) and
    mmpretrain (probabilities). The output folder also gets a description of the model
    and run.py, which predicts keypoints, masks or labels for images. The outputs of the
    file are compared with those of the model in torch. If they differ by more than
    --tolerance, relative to the largest value, the command fails.
    """
    from hrnet_mm import deploy
    from hrnet_mm.building import load_trained
    from hrnet_mm.inference import export as exporting
    from hrnet_mm.inference.exported_model import ExportedModel
    from hrnet_mm.inference.model_facts import read_facts

    cfg = _read_config(config)
    try:
        exporting.check_format(name)
        facts = read_facts(cfg, checkpoint)
        model = load_trained(cfg, checkpoint)
        facts['size'] = list(size or facts['size'])
        given = exporting.read_images(images, facts, batch)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    slow, fast = (
        ExportedModel(m, facts['task']).eval() for m in (model, deploy(model))
    )
    click.echo(f'writing {name}')
    path = exporting.write(fast, facts, name, output, batch=batch, dynamic=dynamic)
    difference = exporting.compare(path, slow, given)
    click.echo(
        f'{path}: on {sum(map(len, given))} images it differs from the model by at '
        f'most {difference.largest:.1e}, on average {difference.mean:.1e} of the '
        f'largest value (tolerance {tolerance:.0e})'
    )
    if difference.largest > tolerance:
        sys.exit('The exported model differs: do NOT use it.')
    click.echo(f'python {output / "run.py"} IMAGE')


@main.command()
@click.option('--cluster', is_flag=True, help='Examine the job of this process.')
@click.option(
    '--folder', 'folders', multiple=True, help='A data folder that all ranks read.'
)
@click.option('--work-dir', default='', help='The work folder that all ranks share.')
@click.option(
    '--weights', multiple=True, help='Weights that all ranks load: a name or file.'
)
@click.option(
    '--workers', default=4, show_default=True, help='Workers of a data loader.'
)
@click.option('--timeout', default=60.0, show_default=True, help='Seconds to wait.')
def doctor(
    cluster: bool,
    folders: tuple[str, ...],
    work_dir: str,
    weights: tuple[str, ...],
    workers: int,
    timeout: float,
) -> None:
    """Diagnose this environment and print commands that fix it.

    With --cluster, started by srun or torchrun like a training job, examine all
    processes of the job and the communication between them; the other options need
    --cluster. Each process expands environment variables ($NAME) in a path.
    """
    if cluster:
        _examine_cluster(
            timeout,
            folders=folders,
            work_dir=work_dir,
            weights=weights,
            workers=workers,
        )
    if folders or work_dir or weights:
        raise click.UsageError('--folder, --work-dir and --weights need --cluster')
    from hrnet_mm.doctor import CHECKS, diagnose, exit_code, report

    checks = track(
        diagnose(), 'examining the environment', total=len(CHECKS), console=console
    )
    findings = list(checks)
    report(findings, console)
    sys.exit(exit_code(findings))


def _examine_cluster(timeout: float, **needs: Any) -> NoReturn:
    try:
        from hrnet_mm.doctor import cluster
    except Exception as error:
        message = f'{error}: `hrnet-mm doctor` on {socket.gethostname()} prints the fix'
        raise click.ClickException(message) from error
    cluster.end_process(cluster.run(cluster.Needs(**needs), timeout, console))


@main.command('tiny-people')
@click.argument('root', type=folder, required=False)
@click.option('--crowd', is_flag=True, help='More figures per image, which overlap.')
@click.option(
    '--seed', default=0, show_default=True, help='The seed of the random generator.'
)
@click.option(
    '--sheet', type=click.Path(path_type=Path), help='Contact sheet: .jpg or .png'
)
def tiny_people(root: Path | None, crowd: bool, seed: int, sheet: Path | None) -> None:
    """Render the data set TinyPeople into the folder ROOT.

    By default this is data/tiny_people, or data/tiny_crowd with --crowd.
    """
    from hrnet_mm.tiny_people import TinyPeople, contact_sheet

    if sheet is not None and sheet.suffix not in ('.jpg', '.png'):
        raise click.BadParameter(f'{sheet} must end in .jpg or .png')
    root = root or Path('data/tiny_crowd' if crowd else 'data/tiny_people')
    with Progress(console=console) as bar:
        task = bar.add_task(f'rendering TinyPeople into {root}', total=None)
        try:
            TinyPeople(seed=seed, crowd=crowd).write(
                root, lambda done, total: bar.update(task, completed=done, total=total)
            )
        except (ValueError, FileExistsError) as error:
            raise click.ClickException(str(error)) from error
        bar.update(task, completed=1, total=1)
    console.print(f'TinyPeople is in {root}.', soft_wrap=True)
    if sheet is not None:
        contact_sheet.save_sheet(root, sheet)
        console.print(f'The contact sheet is {sheet}.', soft_wrap=True)
