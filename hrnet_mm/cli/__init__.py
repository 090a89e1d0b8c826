"""The command-line interface ``hrnet-mm``.

``hrnet_mm_cli.py`` imports this folder without its package: ``hrnet_mm``, torch and
mmengine are imported only when a command runs, so that help is shown at once.
"""

from __future__ import annotations

import click

from . import checkpoints, data, environment, models, predict, projects, training

COMMANDS = (
    training.demo,
    predict.predict,
    projects.new,
    training.curves,
    models.show,
    models.profile,
    models.export,
    models.score,
    checkpoints.fetch,
    checkpoints.inspect_checkpoint,
    checkpoints.convert,
    checkpoints.split,
    checkpoints.push,
    training.tool,
    environment.doctor,
    data.tiny_people,
    data.check,
)


@click.group(context_settings=dict(help_option_names=['-h', '--help']))
@click.version_option(package_name='hrnet_mm')
def main() -> None:
    """One HRNet for all of OpenMMLab."""


for command in COMMANDS:
    main.add_command(command)
