"""Published weights by name or URL: mirrors in turn, checksums, a cache.

A config names ``hrnet://w48/imagenet``; ``hrnet-mm fetch CONFIG`` downloads all that a
job of it reads, for machines without a network.
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
from mmengine.config import Config
from mmengine.runner.checkpoint import get_deprecated_model_names, get_external_models
from torch.hub import download_url_to_file

from . import zoo
from .safe_load import CheckpointError, load

SCHEME = 'hrnet://'
HUB = re.compile('open-?mmlab://')  # names of mmengine's hub

OPENMMLAB = 'https://download.openmmlab.com'
PRETRAIN = f'{OPENMMLAB}/mmclassification/v0/hrnet/hrnet-{{}}_in1k_20220120-{{}}.pth'
TRUNKS = f'{OPENMMLAB}/pretrain/third_party/hrnetv2_{{}}.pth'
POSE = f'{OPENMMLAB}/mmpose/pretrain_models/hrnet_{{}}.pth'
TIMM = 'https://huggingface.co/timm/hrnet_{}/resolve/main/model.safetensors'


def published(
    timm: str, mmpretrain: tuple[str, str] | None = None, trunk: str | None = None
) -> tuple[str, ...]:
    """Return the mirrors of one ImageNet network, that of OpenMMLab's recipes first."""
    mirrors = [TRUNKS.format(trunk)] if trunk else []
    mirrors += [PRETRAIN.format(*mmpretrain)] if mmpretrain else []
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
    # an earlier ImageNet training, from which mmpose's recipes start
    'w32/imagenet-pose': (POSE.format('w32-36af842e'),),
    'w48/imagenet-pose': (POSE.format('w48-8ef0771d'),),
    'w18/imagenet-ssld': published(
        'w18_ssld.paddle_in1k', ('w18_3rdparty_8xb32-ssld', '455f69ea')
    ),
    'w48/imagenet-ssld': published(
        'w48_ssld.paddle_in1k', ('w48_3rdparty_8xb32-ssld', 'd0459c38')
    ),
    # what MMPose's inferencer looks for people and faces with
    'person-detector': (
        f'{OPENMMLAB}/mmpose/v1/projects/rtmposev1/'
        'rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth',
    ),
    'face-detector': (
        f'{OPENMMLAB}/mmpose/mmdet_pretrained/yolo-x_8xb8-300e_coco-face_13274d7c.pth',
    ),
}

# Keys of weights in configs: init_cfg.checkpoint, pretrained, teacher_ckpt.
WEIGHTS_KEY = re.compile('(checkpoint|pretrained|ckpt)$')

# OpenMMLab's names end in the first digits of the SHA-256, some with a date behind.
CHECKSUM = re.compile(r'[-_]([0-9a-f]{8})(?:_\d{8})?\.\w+$')


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


def fetch(source: str) -> Path:
    """Return the file of a name or a URL, from the cache or the first mirror.

    Args:
        source: A name, with or without ``hrnet://``; a URL; a name of mmengine's hub,
            ``open-mmlab://msra/hrnetv2_w18``; or a path, which is looked for only.

    Raises:
        CheckpointError: if there is no such name, or no mirror answers with the file.
        FileNotFoundError: if there is no such path.
    """
    if is_path(source):
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f'{source}: no such file, and no address of one')
        return path
    return first_of(addresses(source), source)


def is_path(source: str) -> bool:
    """Whether weights are named by a path, of a file that may not be there."""
    if '://' in source or source in known():
        return False
    return bool(Path(source).suffix) or Path(source).exists()


def addresses(source: str) -> tuple[str, ...]:
    """Return the URLs of a name, or the URL itself.

    Raises:
        CheckpointError: if there is no such name.
    """
    if source.startswith(('http://', 'https://')):
        return (source,)
    if HUB.match(source):
        return (address_in_hub(source),)
    name = source.removeprefix(SCHEME)
    names = known()
    if name not in names:
        raise CheckpointError(zoo.no_such_name(name, names))
    return names[name]


def address_in_hub(source: str) -> str:
    """Return the URL of a name of mmengine's hub."""
    name = HUB.sub('', source)
    name = get_deprecated_model_names().get(name, name)
    urls = get_external_models()
    if name not in urls:
        raise CheckpointError(f'{source}: mmengine knows no such name')
    return urls[name]


def cached_files(source: str) -> list[Path]:
    """Return where the cache keeps the file of a name or URL, one path for a mirror."""
    return [cache_folder() / file_name(url) for url in addresses(source)]


def needed_by(cfg: Config) -> list[str]:
    """Return the weights that a job of a config reads before its first step.

    They are the values of ``checkpoint``, ``pretrained`` and of all keys that end so
    in ``model``, in their order, and ``load_from``: names, URLs and paths.
    """
    found = [*weights_in(cfg.get('model')), cfg.get('load_from')]
    return list(dict.fromkeys(source for source in found if source))


def weights_in(cfg: Any) -> Iterator[str]:
    """Yield the names, URLs and paths of weights in a part of a config."""
    if isinstance(cfg, dict):
        for key, value in cfg.items():
            if isinstance(value, str) and WEIGHTS_KEY.search(key):
                yield value
            else:
                yield from weights_in(value)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from weights_in(value)


def first_of(
    urls: tuple[str, ...],
    source: str,
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
        f'{source} cannot be downloaded:\n  ' + '\n  '.join(reasons) + '\nWhere there '
        f'is a network, run `hrnet-mm fetch {source}`, or `hrnet-mm fetch CONFIG` for '
        'all weights of a job, and copy the file that it prints into '
        f'{folder}, or set HRNET_MM_CACHE to a folder that both machines see'
    )


@contextmanager
def advice_for_jobs() -> Iterator[None]:
    """Says how a config goes on without a download."""
    try:
        yield
    except DownloadError as error:
        raise DownloadError(
            f'{error}\nOr name a file: --cfg-options '
            'model.backbone.init_cfg.checkpoint=FILE. To train from scratch: '
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
