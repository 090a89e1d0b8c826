"""Commands for checkpoints: fetch, inspect, convert, push."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from .base import (
    Refused,
    checkpoint_argument,
    command,
    config_argument,
    console,
    folder,
    read_config,
)


@command()
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
        cfg = read_config(source, import_custom_modules=False)
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
        if not hub.is_path(name):
            yield f'  {hub.describe_checksum(name, path)}'


@command('inspect')
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


@command()
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


@command()
@click.argument('source')
@click.argument('target', metavar='FOLDER', type=folder)
def split(source: str, target: Path) -> None:
    """Write a checkpoint for each task of a network of several tasks.

    SOURCE is a checkpoint of hrnet_mm.Universal. FOLDER/TASK.pth loads into the config
    that the task was read from.
    """
    from hrnet_mm import checkpoints

    try:
        files = checkpoints.split(checkpoints.hub.resolve(source), target)
    except (checkpoints.CheckpointError, OSError) as error:
        raise Refused(str(error)) from error
    for name, path in files.items():
        click.echo(f'{name}: {path}')


@command()
@config_argument
@checkpoint_argument
@click.argument('repository', metavar='ORGANISATION/NAME')
@click.option('--folder', 'target', type=folder, help='Write it here, upload nothing.')
@click.option('--licence', help='Of the weights, as the Hub calls it: apache-2.0, mit.')
@click.option(
    '--score',
    'scores',
    multiple=True,
    metavar='METRIC=VALUE',
    help='A score of these weights, for the model card; any number of them.',
)
@click.option('--private', is_flag=True, help='Create a private repository.')
def push(
    config: str,
    checkpoint: Path,
    repository: str,
    target: Path | None,
    licence: str | None,
    scores: tuple[str, ...],
    private: bool,
) -> None:
    """Publish a trained model on the Hugging Face Hub, with a model card.

    The repository gets the weights as safetensors, the config as one file of values and
    a README.md. `hrnet_mm.from_pretrained('ORGANISATION/NAME')` loads it. With
    --folder, look at the files first.
    """
    from hrnet_mm import publishing

    read_config(config)
    measured = _read_scores(scores)
    try:
        if target is None:
            url = publishing.push_to_hub(
                config,
                checkpoint,
                repository,
                licence=licence,
                scores=measured,
                private=private,
            )
            click.echo(url)
        else:
            written = publishing.save_pretrained(
                config,
                checkpoint,
                target,
                name=repository,
                licence=licence,
                scores=measured,
            )
            for path in sorted(written.iterdir()):
                click.echo(path)
            if paths := publishing.local_paths(written / 'config.py'):
                click.echo(
                    f'config.py names these paths of this machine: {", ".join(paths)}; '
                    f'edit {config} before publishing if they should not be known'
                )
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error


def _read_scores(words: tuple[str, ...]) -> dict[str, float]:
    scores = {}
    for word in words:
        metric, _, value = word.rpartition('=')
        try:
            scores[metric] = float(value)
        except ValueError:
            metric = ''
        if not metric:
            raise click.BadParameter(f'{word!r} is not METRIC=VALUE, such as AP=0.756')
    return scores
