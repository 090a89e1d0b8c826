"""The command ``hrnet-mm``: arguments and words; the work is in the modules.

``hrnet_mm_cli.py`` runs this file without its package: nothing of ``hrnet_mm``, torch
or mmengine is imported before a command runs, so that help takes no seconds.
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

console = Console(file=sys.stdout)  # also while the pictures log elsewhere
folder = click.Path(file_okay=False, path_type=Path)
file = click.Path(exists=True, dir_okay=False, path_type=Path)
config_argument = click.argument('config', type=click.Path(exists=True, dir_okay=False))
checkpoint_argument = click.argument('checkpoint', type=file)


class Command(click.Command):
    """A command that imports ``hrnet_mm`` when it runs, and shows its help without.

    The import mends OpenMMLab, so it comes before any other of a command.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        import_module('hrnet_mm')
        return super().invoke(ctx)


class Group(click.Group):
    """The commands."""

    command_class = Command


@click.group(cls=Group, context_settings=dict(help_option_names=['-h', '--help']))
@click.version_option(package_name='hrnet_mm')
def main() -> None:
    """One HRNet for all of OpenMMLab."""


@main.command()
@click.option('--output', type=folder, default='outputs/demo', show_default=True)
@click.option('--data', type=folder, default='data/tiny_people', show_default=True)
def demo(output: Path, data: Path) -> None:
    """Draw TinyPeople, train a small HRNet on it, and show what it learned."""
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
@click.option('--rows', default=4, show_default=True, help='How many test images.')
def show(config: str, checkpoint: Path, output: Path, rows: int) -> None:
    """Draw what a trained model of any of the four libraries sees, and the truth."""
    from mmengine.config import Config

    from hrnet_mm.libraries import library_of

    try:
        library = library_of(Config.fromfile(config).get('default_scope'))
        pictures = import_module(f'hrnet_mm.{library.folder}.visualization')
        sheet = pictures.prediction_sheet(config, checkpoint, output, rows)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    console.print(f'{sheet}', soft_wrap=True)  # a path to copy, on one line


@main.command()
@click.argument('source', metavar='CONFIG|ARCH', required=False)
@click.option(
    '--size',
    nargs=2,
    type=click.IntRange(32),
    help='Height and width of the image, from 32.',
)
@click.option('--published', is_flag=True, help='Recompute every published figure.')
@click.option('--json', 'as_json', is_flag=True, help='As data, not as a table.')
def profile(
    source: str | None, size: tuple[int, int] | None, published: bool, as_json: bool
) -> None:
    """Parameters, multiply-accumulates and activations, part by part.

    CONFIG is of mmpose, mmseg, mmdet or mmpretrain; ARCH is like w48. Nothing is
    computed: it takes seconds and no memory.
    """
    from hrnet_mm import profiling

    if published == (source is not None):
        raise click.UsageError('give a CONFIG or an ARCH, or --published')
    if source:
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


class Refused(click.ClickException):
    """A file that cannot be used: one message, exit code 2."""

    exit_code = 2


@main.command()
@click.argument('sources', nargs=-1, metavar='[NAME|URL|CONFIG]...')
def fetch(sources: tuple[str, ...]) -> None:
    """Download weights into the cache, for machines without a network.

    NAME is like w48/imagenet or hrnet_w48_coco; without one, this lists them. Of a
    CONFIG, all weights that a training job reads before its first step. The cache is
    HRNET_MM_CACHE, or else where torch keeps downloads.
    """
    from hrnet_mm.checkpoints import CheckpointError, hub

    if not sources:
        click.echo('\n'.join(hub.known()))
    for source in sources:
        try:
            for line in fetch_all(source):
                click.echo(line)
        except (CheckpointError, FileNotFoundError) as error:
            raise Refused(str(error)) from error


def fetch_all(source: str) -> Iterator[str]:
    """Yield a line for each file: what asks for it, its path and its size."""
    from mmengine.config import Config

    from hrnet_mm.checkpoints import hub

    needed = [source]
    if Path(source).suffix in ('.py', '.json', '.yaml', '.yml'):
        cfg = Config.fromfile(source, import_custom_modules=False)
        needed = hub.needed_by(cfg)
        if not needed:
            yield f'{source} starts from random weights: there is nothing to fetch'
    for name in needed:
        path = hub.fetch(name)
        yield f'{name}: {path} ({path.stat().st_size / 1e6:.1f} MB)'


@main.command('inspect')
@click.argument('source')
@click.option('--json', 'as_json', is_flag=True, help='As data, not as a table.')
def inspect_checkpoint(source: str, as_json: bool) -> None:
    """Say what a checkpoint is: family, arch, task, and what loads where.

    SOURCE is a file of any published family, an URL, or a name that `hrnet-mm fetch`
    lists. Nothing in it runs.
    """
    from hrnet_mm import checkpoints

    try:
        file = checkpoints.hub.located(source)
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
    help='The name of a library of OpenMMLab, official or timm.',
)
def convert(source: str, target: Path, to: str) -> None:
    """Write a checkpoint of any family as another code base names it.

    Heads that it has no place for are left out. TARGET may end in .safetensors.
    """
    from hrnet_mm import checkpoints

    try:
        file = checkpoints.hub.located(source)
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
    """Run a script of a library's tools, such as publish_model, on any torch.

    As `mim run LIBRARY SCRIPT ARGUMENTS`. Scripts that read checkpoints without a
    config do not import hrnet_mm, and on torch >= 2.6 fail without it.
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
@click.option('--dynamic', is_flag=True, help='Any number of images, of any size.')
@click.option(
    '--image',
    'images',
    multiple=True,
    type=file,
    help='To verify with; some of TinyPeople are drawn if there is none.',
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
    """Write a trained model as a file that runs without OpenMMLab, and verify it.

    For models of mmpose (heatmaps), mmseg (a score for each class and pixel) and
    mmpretrain (probabilities). Beside it lie the facts of the model and run.py, which
    gives joints, masks and labels for images. The answers of the file are compared with
    those of the model in torch; if they differ by more than --tolerance, as a share of
    the largest value, the command fails.
    """
    from mmengine.config import Config

    from hrnet_mm import deploy
    from hrnet_mm.building import load_trained
    from hrnet_mm.inference import export as exporting
    from hrnet_mm.inference.exported_model import Answer
    from hrnet_mm.inference.model_facts import read_facts

    cfg = Config.fromfile(config)
    try:
        exporting.check_format(name)
        facts = read_facts(cfg, checkpoint)
        model = load_trained(cfg, checkpoint)
        facts['size'] = list(size or facts['size'])
        given = exporting.read_images(images, facts, batch)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    slow, fast = (Answer(m, facts['task']).eval() for m in (model, deploy(model)))
    click.echo(f'writing {name}')
    path = exporting.write(fast, facts, name, output, batch=batch, dynamic=dynamic)
    difference = exporting.compare(path, slow, given)
    click.echo(
        f'{path}: on {sum(map(len, given))} images it differs from the model by at '
        f'most {difference.largest:.1e}, on average {difference.mean:.1e} of the '
        f'largest value (tolerance {tolerance:.0e})'
    )
    if difference.largest > tolerance:
        sys.exit('It is NOT the same model: do not use it.')
    click.echo(f'python {output / "run.py"} IMAGE')


@main.command()
@click.option('--cluster', is_flag=True, help='The job that this process belongs to.')
@click.option('--folder', 'folders', multiple=True, help='All ranks read it (data).')
@click.option('--work-dir', default='', help='All ranks share and write it.')
@click.option(
    '--weights', multiple=True, help='All ranks load it: w48/imagenet, a file.'
)
@click.option('--workers', default=4, show_default=True, help='Of a data loader.')
@click.option('--timeout', default=60.0, show_default=True, help='Seconds to wait.')
def doctor(
    cluster: bool,
    folders: tuple[str, ...],
    work_dir: str,
    weights: tuple[str, ...],
    workers: int,
    timeout: float,
) -> None:
    """Name what is broken in this environment, and print the fix.

    With --cluster, started by srun or torchrun as a training job is, also what is
    broken between its processes; the other options go with it. $NAME in a path is the
    variable of each process.
    """
    if cluster:
        examine_cluster(
            timeout,
            folders=folders,
            work_dir=work_dir,
            weights=weights,
            workers=workers,
        )
    if folders or work_dir or weights:
        raise click.UsageError('--folder, --work-dir and --weights go with --cluster')
    from hrnet_mm.doctor import CHECKS, diagnose, exit_code, report

    checks = track(
        diagnose(), 'examining the environment', total=len(CHECKS), console=console
    )
    findings = list(checks)
    report(findings, console)
    sys.exit(exit_code(findings))


def examine_cluster(timeout: float, **needs: Any) -> NoReturn:
    """Rank 0 prints; every rank ends with the same exit code."""
    try:
        from hrnet_mm.doctor import cluster
    except Exception as error:
        message = f'{error}: `hrnet-mm doctor` on {socket.gethostname()} prints the fix'
        raise click.ClickException(message) from error
    cluster.end_process(cluster.run(cluster.Needs(**needs), timeout, console))


@main.command('tiny-people')
@click.argument('root', type=folder, required=False)
@click.option(
    '--crowd', is_flag=True, help='Small and large figures that hide each other.'
)
@click.option(
    '--seed', default=0, show_default=True, help='Another seed, other images.'
)
@click.option('--sheet', type=click.Path(path_type=Path), help='A picture: .jpg, .png')
def tiny_people(root: Path | None, crowd: bool, seed: int, sheet: Path | None) -> None:
    """Draw the embedded data set TinyPeople into ROOT.

    That is data/tiny_people unless given, and data/tiny_crowd with --crowd.
    """
    from hrnet_mm.tiny_people import TinyPeople, contact_sheet

    if sheet is not None and sheet.suffix not in ('.jpg', '.png'):
        raise click.BadParameter(f'{sheet} ends neither in .jpg nor in .png')
    root = root or Path('data/tiny_crowd' if crowd else 'data/tiny_people')
    with Progress(console=console) as bar:
        task = bar.add_task(f'drawing TinyPeople into {root}', total=None)
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
        console.print(f'A picture of it is at {sheet}.', soft_wrap=True)
