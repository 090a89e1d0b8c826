"""The command doctor."""

from __future__ import annotations

import socket
import sys
from typing import Any, NoReturn

import click
from rich.progress import track

from .base import command, console


@command()
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
