"""Commands for training: demo, curves, tool."""

from __future__ import annotations

from pathlib import Path

import click

from .base import command, console, folder


@command()
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


@command()
@click.argument(
    'work_dirs',
    nargs=-1,
    required=True,
    metavar='WORK_DIR...',
    type=click.Path(path_type=Path),
)
@click.option(
    '--output', type=click.Path(path_type=Path), default='curves.png', show_default=True
)
def curves(work_dirs: tuple[Path, ...], output: Path) -> None:
    """Plot loss, learning rate and scores of one or several training jobs.

    WORK_DIR is the work folder of a job, such as work_dirs/CONFIG. The job may still be
    running. The starts of a job that was resumed are joined. OUTPUT ends in .png, .jpg,
    .pdf or .svg, and is replaced.
    """
    from hrnet_mm.engine import curves

    try:
        runs = curves.read_runs(work_dirs)
        curves.draw(runs, output)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    console.print(curves.table(runs))
    console.print(f'{output}', soft_wrap=True, markup=False)


@command(
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
