"""Publishing of trained models: a folder of data, and its upload to a Hub.

The folder has the weights as safetensors, the config as one file of values, facts for
programs and a model card. ``hrnet_mm.from_pretrained`` loads it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import safetensors.torch
import torch
import yaml
from mmengine.config import Config

from hrnet_mm import __version__
from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import CheckpointError, read, zoo
from hrnet_mm.checkpoints.checksums import compute
from hrnet_mm.datasets.metainfo import metainfo_of, names_of, unwrapped
from hrnet_mm.libraries import Library, library_of
from hrnet_mm.loading import (
    CONFIG,
    FACTS,
    REPOSITORY,
    WEIGHTS,
    check_types,
    read_config,
)
from hrnet_mm.messages import first_line

CARD = 'README.md'
# of the task, on the Hub
PIPELINE_TAGS = {
    'pose': 'keypoint-detection',
    'segmentation': 'image-segmentation',
    'detection': 'object-detection',
    'classification': 'image-classification',
}
# Keys of a config that say where one machine keeps its files.
LOCAL_KEYS = ('work_dir', 'load_from', 'resume', 'launcher')


def push_to_hub(
    config: str | Path,
    checkpoint: str | Path,
    repository: str,
    *,
    licence: str | None = None,
    scores: Mapping[str, float] | None = None,
    private: bool = False,
) -> str:
    """Publish a trained model in a repository of the Hugging Face Hub.

    The repository is created if it does not exist. Files of an earlier model are
    replaced, and stay in its history. It needs the extra ``hub`` and a token: ``hf auth
    login``, or ``HF_TOKEN``.

    Args:
        config: The config of the model.
        checkpoint: A checkpoint of any family that fits the model completely.
        repository: ``'org/repo'``.
        licence: The licence of the weights as the Hub calls it, ``'apache-2.0'``.
        scores: Scores of these weights for the model card, by metric.
        private: Whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        CheckpointError: If the checkpoint does not fit the model.
        ValueError: If the config names code that only this machine has, the repository
            has another form, or huggingface_hub is not installed.
        ConnectionError: If the upload fails.
    """
    if not REPOSITORY.fullmatch(repository) or '@' in repository:
        raise ValueError(f'{repository!r} is not a repository: write ORGANISATION/NAME')
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise ValueError("to publish a model: pip install 'hrnet_mm[hub]'") from None
    with TemporaryDirectory() as parent:
        folder = save_pretrained(
            config,
            checkpoint,
            Path(parent) / 'model',
            name=repository,
            licence=licence,
            scores=scores,
        )
        try:
            HfApi().create_repo(repository, private=private, exist_ok=True)
            commit = HfApi().upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message=f'Model of hrnet_mm {__version__}',
            )
        except Exception as error:  # of the Hub or of the network
            raise ConnectionError(
                f'{repository} cannot be published: {first_line(error)}. Is there a '
                'token that may write to it? Run `hf auth login`, or set HF_TOKEN'
            ) from error
    return commit.commit_url


def save_pretrained(
    config: str | Path,
    checkpoint: str | Path,
    folder: str | Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    scores: Mapping[str, float] | None = None,
) -> Path:
    """Write a trained model as a folder that ``from_pretrained`` loads.

    Args:
        config: The config of the model.
        checkpoint: A checkpoint of any family that fits the model completely.
        folder: The folder to write; it must not exist, or be empty.
        name: How the model card calls the model; by default the name of the folder.
        licence: The licence of the weights, such as ``'apache-2.0'``.
        scores: Scores of these weights for the model card, by metric.

    Raises:
        FileExistsError: If the folder has files.
        CheckpointError: If the checkpoint does not fit the model.
        ValueError: If the config names code that only this machine has.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f'{folder} has files: give another folder')
    cfg = _portable(Config.fromfile(config))
    library = library_of(cfg.get('default_scope'))
    check_types(cfg)
    if 'test_dataloader' not in cfg:
        raise ValueError(
            f'{config} has no test_dataloader, whose data set names the outputs'
        )
    model = load_trained(cfg, Path(checkpoint), whole=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix='.publish-', dir=folder.parent) as parent:
        new = Path(parent) / 'model'
        new.mkdir()
        _write_weights(model, new / WEIGHTS)
        _write_config(cfg, new / CONFIG)
        facts = _read_facts(cfg, library, Path(config), new / WEIGHTS)
        (new / FACTS).write_text(json.dumps(facts, indent=2) + '\n')
        card = _write_card(facts, name or folder.name, licence, scores or {})
        (new / CARD).write_text(card)
        new.replace(folder)
    return folder


def local_paths(config: str | Path) -> list[str]:
    """Return the absolute paths that a published config holds, sorted.

    Args:
        config: The file ``config.py`` that ``save_pretrained`` wrote.
    """
    return sorted(set(_absolute_paths(read_config(Path(config)).to_dict())))


def _absolute_paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _absolute_paths(inner)
    elif isinstance(value, str) and len(value) > 1 and Path(value).is_absolute():
        yield value


def _portable(cfg: Config) -> Config:
    # without what only this machine has; mmpose reads descriptions of keypoints from
    # files
    values = {
        key: value for key, value in cfg.to_dict().items() if key not in LOCAL_KEYS
    }
    return Config(_inline_metainfo(values))


def _inline_metainfo(cfg: Any) -> Any:
    if isinstance(cfg, dict):
        file = cfg.get('from_file')
        if isinstance(file, str) and Path(file).is_file():
            return Config.fromfile(file).dataset_info.to_dict()
        return {key: _inline_metainfo(value) for key, value in cfg.items()}
    if isinstance(cfg, list | tuple):
        return type(cfg)(_inline_metainfo(value) for value in cfg)
    return cfg


def _write_weights(model: Any, path: Path) -> None:
    state = {
        key: value.detach().clone().contiguous()
        for key, value in model.state_dict().items()
    }
    path.write_bytes(safetensors.torch.save(state))


def _write_config(cfg: Config, path: Path) -> None:
    path.write_text(cfg.pretty_text)
    if read_config(path).to_dict() != cfg.to_dict():
        raise ValueError(
            'the config has values that cannot be written as text, such as functions '
            'or infinite numbers: replace them by names and numbers'
        )


def _read_facts(
    cfg: Config, library: Library, config: Path, weights: Path
) -> dict[str, Any]:
    checkpoint = read(weights)
    dataset = cfg.test_dataloader.dataset
    trunk = checkpoint.trunk
    if trunk is None:
        raise CheckpointError(f'the model of {config} has no trunk of an HRNet')
    return dict(
        config=config.stem,
        arch=trunk.arch or f'width {trunk.width}',
        task=library.task,
        library=library.scope,
        parameters=sum(
            value.numel()
            for key, value in checkpoint.tensors.items()
            if not key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))
        ),
        names=names_of(metainfo_of(dataset)),
        dataset=unwrapped(dataset).type.split('.')[-1],
        sha256=compute(weights),
        versions={
            'hrnet_mm': __version__,
            library.scope: import_module(library.scope).__version__,
            'torch': str(torch.__version__),
        },
    )


def _write_card(
    facts: Mapping[str, Any],
    name: str,
    licence: str | None,
    scores: Mapping[str, float],
) -> str:
    recipes = {entry['Name']: entry for entry in zoo.entries()}
    results = recipes.get(facts['config'], {}).get('Results', [])
    data = results[0]['Dataset'] if results else facts['dataset']
    front = _front_matter(facts, name, licence, scores, data, known=bool(results))
    source = (
        '' if facts['config'] == Path(CONFIG).stem else f', from `{facts["config"]}`'
    )
    versions = ', '.join(f'{it} {number}' for it, number in facts['versions'].items())
    lines = [
        f'---\n{yaml.safe_dump(front, sort_keys=False)}---\n',
        f'# {name}\n',
        f'HRNet ({facts["arch"]}) for {facts["task"]}: a model of {facts["library"]} '
        'and hrnet_mm.\n',
        '```python\nimport hrnet_mm\n',
        f"model = hrnet_mm.from_pretrained('{name}')\n```\n",
        '| | |\n|---|---|',
        f'| config | `{CONFIG}`{source} |',
        f'| parameters | {facts["parameters"]:,} |',
        f'| test data | {data} |',
        *(f'| {metric} | {value} |' for metric, value in scores.items()),
        f'| licence of the weights | {licence or "not stated"} |',
        f'| SHA-256 of `{WEIGHTS}` | `{facts["sha256"]}` |',
        f'| written with | {versions} |',
        f'| outputs | {", ".join(facts["names"]) or "not named"} |\n',
        *_describe_published(results),
        f'The weights are safetensors, and `{CONFIG}` has values only: loading the '
        'model runs no code of this repository.',
    ]
    return '\n'.join(lines) + '\n'


def _describe_published(results: list[dict[str, Any]]) -> list[str]:
    if not results:
        return []
    published = ', '.join(
        f'{metric} {value}'
        for result in results
        for metric, value in result['Metrics'].items()
    )
    return [
        f'Published for this recipe, not measured with these weights: {published}.\n'
    ]


def _front_matter(
    facts: Mapping[str, Any],
    name: str,
    licence: str | None,
    scores: Mapping[str, float],
    data: str,
    known: bool,
) -> dict[str, Any]:
    tag = PIPELINE_TAGS[facts['task']]
    slug = data.lower().replace(' ', '-')
    front: dict[str, Any] = dict(library_name='hrnet_mm', pipeline_tag=tag)
    if licence:
        front['license'] = licence
    front['tags'] = ['hrnet', facts['library']]
    if known:  # by a metafile; otherwise it is only the name of a class
        front['datasets'] = [slug]
    if scores:
        front['metrics'] = list(scores)
        front['model-index'] = [
            dict(
                name=name,
                results=[
                    dict(
                        task=dict(type=tag),
                        dataset=dict(name=data, type=slug),
                        metrics=[
                            dict(type=metric, name=metric, value=value)
                            for metric, value in scores.items()
                        ],
                    )
                ],
            )
        ]
    return front
