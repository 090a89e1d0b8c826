"""``python -m benchmarks``: memory and time of HRNet.

The other measurements are commands of their own: ``python -m benchmarks.grouping``,
``benchmarks.dropin`` and, under ``torchrun``, ``benchmarks.processes``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from hrnet_mm.models.arch import select_stages

from .against import Race, races
from .against import steps as race_steps
from .against_report import write_ratios
from .baselines import RIVALS, choose_rivals
from .networks import PAPER, QUICK
from .paper_report import write
from .paper_table import bench, choose, describe, steps
from .scaling import scale, write_scaling
from .scaling import steps as scale_steps
from .timing import allocator

device_option = click.option(
    '--device', default='cpu', show_default=True, help='cpu or cuda.'
)
rounds_option = click.option(
    '--rounds',
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help='Measurements of each network.',
)
output_option = click.option(
    '--output',
    type=click.Path(file_okay=False, path_type=Path),
    default='outputs/benchmarks',
    show_default=True,
)
quick_option = click.option(
    '--quick', is_flag=True, help='Small images: minutes on a laptop.'
)
arch_option = click.option('--arch', default='w32', show_default=True)


@click.group(context_settings=dict(help_option_names=['-h', '--help']))
def main() -> None:
    """Measure memory and time of HRNet: a table, the data and a chart."""


@main.command()
@click.option('--task', 'tasks', multiple=True, help='pose, segmentation, detection.')
@click.option('--batch', type=click.IntRange(1), help='Images a training step.')
@quick_option
@device_option
@rounds_option
@output_option
def paper(
    tasks: tuple[str, ...],
    batch: int | None,
    quick: bool,
    device: str,
    rounds: int,
    output: Path,
) -> None:
    """Measure the runtime table of the paper.

    The other networks are those of the installed libraries. All train and test here and
    now, in turns, each in a process of its own.
    """
    with messages_for_users():
        rows, about = choose(tasks), describe(device) | dict(rounds=rounds)
        settings = QUICK if quick else PAPER
        if batch:
            settings = {t: replace(s, batch=batch) for t, s in settings.items()}
        with progress_bar(steps(rows, rounds)) as progress:
            entries = bench(rows, settings, rounds, device, progress)
        show(write(entries, about, output))


@main.command()
@click.argument('libraries', nargs=-1)
@arch_option
@quick_option
@device_option
@rounds_option
@output_option
def against(
    libraries: tuple[str, ...],
    arch: str,
    quick: bool,
    device: str,
    rounds: int,
    output: Path,
) -> None:
    """Compare with the HRNet of LIBRARIES, with the same weights, in one process.

    LIBRARIES are some of mmpose, mmseg, mmdet, mmpretrain and timm; all by default.
    """
    with messages_for_users():
        select_stages(arch, None)
        rivals = choose_rivals(libraries or tuple(RIVALS))
        rivals = [rival.quick() for rival in rivals] if quick else rivals
        about = describe(device) | dict(rounds=rounds, allocator=allocator())
        found: list[Race] = []
        paths: list[Path] = []
        with progress_bar(race_steps(rivals, device, rounds)) as progress:
            for rival in rivals:
                for race in races(rival, arch, device, rounds, progress):
                    found.append(race)
                    # after each one: nothing is lost with Ctrl-C
                    paths = write_ratios(found, about, output)
        show(paths)


@main.command()
@arch_option
@device_option
@rounds_option
@output_option
def scaling(arch: str, device: str, rounds: int, output: Path) -> None:
    """Measure one trunk at growing sizes, batches, widths and numbers of threads."""
    with messages_for_users():
        select_stages(arch, None)
        about = describe(device) | dict(rounds=rounds, allocator=allocator())
        with progress_bar(scale_steps(rounds)) as progress:
            points = scale(arch, (256, 192), rounds, device, progress)
        show(write_scaling(points, about, output))


@contextmanager
def messages_for_users() -> Iterator[None]:
    """Print a ``ValueError`` as a message, without its traceback."""
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    """Show the time that remains; yield a function to call before each step."""
    columns = (
        TextColumn('{task.description}', table_column=Column(width=50)),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        todo = bar.add_task('', total=total)
        yield lambda what: bar.update(todo, advance=1, description=what)


def show(paths: Sequence[Path]) -> None:
    """Print the paths of a report, then its table."""
    console: Any = Console(file=sys.stdout)
    for path in paths:
        console.print(f'{path}', soft_wrap=True)
    click.echo(paths[0].read_text())


if __name__ == '__main__':
    main()
