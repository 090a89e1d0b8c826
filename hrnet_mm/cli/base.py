"""What the commands share: the console, arguments, and reading of configs."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console

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


command = partial(click.command, cls=Command)


class Refused(click.ClickException):
    """An error for a file that cannot be used, with exit code 2."""

    exit_code = 2


def read_config(path: str, **options: Any) -> Any:
    """Read a config, or end with a message that names it and the reason."""
    from mmengine.config import Config

    try:
        return Config.fromfile(path, **options)
    except Exception as error:  # a config is code, and raises anything
        reason = f'{type(error).__name__}: {error}'
        raise click.ClickException(f'cannot read the config {path}: {reason}') from None
