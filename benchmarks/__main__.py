"""Command line of the benchmarks: ``python -m benchmarks``.

Other benchmarks are modules with their own command: ``python -m benchmarks.grouping``,
``benchmarks.deformable``, ``benchmarks.dropin``, ``benchmarks.validation`` and, under
``torchrun``, ``benchmarks.processes``.
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

from .against import Comparison, compare
from .against import count_steps as count_comparison_steps
from .against_report import write_ratios
from .baselines import BASELINES, choose_baselines
from .networks import PAPER, QUICK
from .paper_report import write_paper_table
from .paper_table import choose_rows, count_steps, describe_machine, measure_rows
from .scaling import count_steps as count_scaling_steps
from .scaling import measure_scaling, write_scaling
from .timing import allocator

device_option = click.option(
    '--device', default='cpu', show_default=True, help='cpu or cuda.'
)
rounds_option = click.option(
    '--rounds',
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help='Number of measurements of each network.',
)
output_option = click.option(
    '--output',
    type=click.Path(file_okay=False, path_type=Path),
    default='outputs/benchmarks',
    show_default=True,
)
quick_option = click.option(
    '--quick', is_flag=True, help='Use small images; takes minutes on a laptop.'
)
arch_option = click.option('--arch', default='w32', show_default=True)


@click.group(context_settings=dict(help_option_names=['-h', '--help']))
def main() -> None:
    """Measure memory and time of HRNet; write a table, the data and a chart."""


@main.command()
@click.option(
    '--task',
    'tasks',
    multiple=True,
    help='pose, segmentation, detection.',
)
@click.option('--batch', type=click.IntRange(1), help='Images in a training step.')
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

    The other networks come from the installed libraries. Each network trains and tests
    in its own process, and the networks take turns.
    """
    with _errors_without_traceback():
        rows = choose_rows(tasks)
        about = describe_machine(device) | dict(rounds=rounds)
        settings = QUICK if quick else PAPER
        if batch:
            settings = {t: replace(s, batch=batch) for t, s in settings.items()}
        with _progress_bar(count_steps(rows, rounds)) as progress:
            entries = measure_rows(rows, settings, rounds, device, progress)
        _print_report(write_paper_table(entries, about, output))


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

    LIBRARIES are any of mmpose, mmseg, mmdet, mmpretrain and timm; the default is all.
    """
    with _errors_without_traceback():
        select_stages(arch, None)
        baselines = choose_baselines(libraries or tuple(BASELINES))
        baselines = [it.quick() for it in baselines] if quick else baselines
        about = describe_machine(device) | dict(rounds=rounds, allocator=allocator())
        comparisons: list[Comparison] = []
        paths: list[Path] = []
        steps = count_comparison_steps(baselines, device, rounds)
        with _progress_bar(steps) as progress:
            for baseline in baselines:
                for done in compare(baseline, arch, device, rounds, progress):
                    comparisons.append(done)
                    # after each one, so that Ctrl-C loses none of them
                    paths = write_ratios(comparisons, about, output)
        _print_report(paths)


@main.command()
@arch_option
@device_option
@rounds_option
@output_option
def scaling(arch: str, device: str, rounds: int, output: Path) -> None:
    """Measure a trunk with increasing image size, batch, width and threads."""
    with _errors_without_traceback():
        select_stages(arch, None)
        about = describe_machine(device) | dict(rounds=rounds, allocator=allocator())
        with _progress_bar(count_scaling_steps(rounds)) as progress:
            points = measure_scaling(arch, (256, 192), rounds, device, progress)
        _print_report(write_scaling(points, about, output))


@contextmanager
def _errors_without_traceback() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    # yields a function to call before each step, with its name
    columns = (
        TextColumn('{task.description}', table_column=Column(width=50)),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task('', total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


def _print_report(paths: Sequence[Path]) -> None:
    console: Any = Console(file=sys.stdout)
    for path in paths:
        console.print(f'{path}', soft_wrap=True)
    click.echo(paths[0].read_text())


if __name__ == '__main__':
    main()
