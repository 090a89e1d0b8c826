"""Published weights by name or URL: mirrors in turn, checksums, a cache.

``hrnet://w48/imagenet`` in a config, ``hrnet-mm fetch w48/imagenet`` before a job on
machines without a network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine import dist
from torch.hub import download_url_to_file

from . import zoo
from .loading import CheckpointError, load

SCHEME = 'hrnet://'

OPENMMLAB = 'https://download.openmmlab.com'
PRETRAIN = f'{OPENMMLAB}/mmclassification/v0/hrnet/hrnet-{{}}_in1k_20220120-{{}}.pth'
TRUNKS = f'{OPENMMLAB}/pretrain/third_party/hrnetv2_{{}}.pth'
TIMM = 'https://huggingface.co/timm/hrnet_{}/resolve/main/model.safetensors'


def published(
    timm: str, mmpretrain: tuple[str, str] | None = None, trunk: str | None = None
) -> tuple[str, ...]:
    """The mirrors of one ImageNet network, those with a checksum first."""
    mirrors = [PRETRAIN.format(*mmpretrain)] if mmpretrain else []
    mirrors += [TRUNKS.format(trunk)] if trunk else []
    return (*mirrors, TIMM.format(timm))


# Weights that trunks of all tasks begin with. Sources: the metafiles of mmpretrain, the
# hub of mmengine, the models of timm.
MIRRORS: dict[str, tuple[str, ...]] = {
    'w18_small_v1/imagenet': published('w18_small.ms_in1k'),
    'w18_small_v2/imagenet': published(
        'w18_small_v2.ms_in1k', trunk='w18_small-b5a04e21'
    ),
    'w18/imagenet': published(
        'w18.ms_in1k', ('w18_3rdparty_8xb32', '0c10b180'), 'w18-00eb2006'
    ),
    'w30/imagenet': published('w30.ms_in1k', ('w30_3rdparty_8xb32', '8aa3832f')),
    'w32/imagenet': published(
        'w32.ms_in1k', ('w32_3rdparty_8xb32', 'c394f1ab'), 'w32-dc9eeb4f'
    ),
    'w40/imagenet': published(
        'w40.ms_in1k', ('w40_3rdparty_8xb32', '9a2dbfc5'), 'w40-ed0b031c'
    ),
    'w44/imagenet': published('w44.ms_in1k', ('w44_3rdparty_8xb32', '35d07f73')),
    'w48/imagenet': published(
        'w48.ms_in1k', ('w48_3rdparty_8xb32', 'e555ef50'), 'w48-d2186c55'
    ),
    'w64/imagenet': published('w64.ms_in1k', ('w64_3rdparty_8xb32', '19126642')),
    'w18/imagenet-ssld': published(
        'w18_ssld.paddle_in1k', ('w18_3rdparty_8xb32-ssld', '455f69ea')
    ),
    'w48/imagenet-ssld': published(
        'w48_ssld.paddle_in1k', ('w48_3rdparty_8xb32-ssld', 'd0459c38')
    ),
}

# OpenMMLab's names end in the first digits of the SHA-256, some with a date behind.
CHECKSUM = re.compile(r'-([0-9a-f]{8})(?:_\d{8})?\.\w+$')


class DownloadError(CheckpointError):
    """No address answered with the file."""


def cache_folder() -> Path:
    """``HRNET_MM_CACHE``, or the folder that torch keeps downloads in."""
    folder = os.environ.get('HRNET_MM_CACHE')
    return (
        Path(folder).expanduser()
        if folder
        else Path(torch.hub.get_dir()) / 'checkpoints'
    )


def known() -> dict[str, tuple[str, ...]]:
    """All names and their addresses: ImageNet's trunks, and the models of the index."""
    return MIRRORS | {model.name: (model.weights,) for model in zoo.models().values()}


def fetch(name: str) -> Path:
    """The file of a name, from the cache or the first mirror that has it.

    Raises:
        CheckpointError: if there is no such name, or no mirror answers with the file.
    """
    name = name.removeprefix(SCHEME)
    names = known()
    if name not in names:
        raise CheckpointError(zoo.no_such_name(name, names))
    return first_of(names[name], f'weights {name!r}')


def first_of(
    urls: tuple[str, ...],
    title: str,
    folder: Path | None = None,
    progress: bool = True,
) -> Path:
    """The file of the first URL that is in the folder, or else that answers."""
    folder = folder or cache_folder()
    files = [folder / file_name(url) for url in urls]
    for file in files:
        if file.is_file():
            return file
    reasons = []
    for url, file in zip(urls, files, strict=True):
        try:
            download(url, file, progress)
        except (OSError, RuntimeError) as error:  # RuntimeError: another checksum
            reasons.append(f'{url} ({getattr(error, "reason", None) or error})')
        else:
            return file
    raise DownloadError(
        f'{title} cannot be downloaded:\n  ' + '\n  '.join(reasons) + '\nWithout a '
        'network, fetch it elsewhere (`hrnet-mm fetch`, or any of these addresses) and '
        f'put it into {folder}, or where HRNET_MM_CACHE points.'
    )


@contextmanager
def advice_for_jobs() -> Iterator[None]:
    """Says how a config goes on without a download."""
    try:
        yield
    except DownloadError as error:
        raise DownloadError(
            f'{error}\nIn a job, name a file: --cfg-options '
            'model.backbone.init_cfg.checkpoint=FILE. To train without: '
            'model.backbone.init_cfg=None'
        ) from None


def download(url: str, file: Path, progress: bool) -> None:
    """Download beside and rename, so that no half file is ever in the cache."""
    file.parent.mkdir(parents=True, exist_ok=True)
    checksum = CHECKSUM.search(url)
    prefix = checksum[1] if checksum else None
    download_url_to_file(url, str(file), prefix, progress)


def file_name(url: str) -> str:
    """What a file is called in the cache: timm's are all ``model.safetensors``."""
    *_, repository, _, _, name = ['', '', '', *url.split('/')]
    return f'{repository}.safetensors' if name == 'model.safetensors' else name


def load_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
) -> Any:
    """As ``torch.utils.model_zoo.load_url``, but nothing that a file asks for runs."""
    folder = Path(model_dir) if model_dir else None
    with advice_for_jobs():
        file = first_of((url,), url, folder, progress)
    return load(file, map_location or 'cpu')


def load_by_name(name: str, map_location: Any = None) -> Any:
    """Loader of ``hrnet://``; the first process of each machine downloads."""
    with advice_for_jobs():
        if dist.get_local_rank() == 0:
            fetch(name)
        dist.barrier()
        file = fetch(name)
    return load(file, map_location or 'cpu')


def located(source: str) -> str:
    """The file of a name, with or without ``hrnet://``; anything else as it is."""
    if source.startswith(SCHEME) or (source in known() and not Path(source).exists()):
        return str(fetch(source))
    return source
