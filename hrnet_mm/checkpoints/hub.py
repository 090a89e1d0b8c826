"""Published weights by name or URL, with mirrors, checksums and a cache.

Configs use names such as ``hrnet://w48/imagenet``. ``hrnet-mm fetch CONFIG`` downloads
all weights of a training job in advance, for machines without a network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine import dist, fileio
from mmengine.config import Config
from mmengine.runner.checkpoint import get_deprecated_model_names, get_external_models
from torch.hub import download_url_to_file

from . import zoo
from .safe_load import CheckpointError, load

SCHEME = 'hrnet://'
HUB = re.compile('open-?mmlab://')  # scheme of mmengine's hub

OPENMMLAB = 'https://download.openmmlab.com'
PRETRAIN = f'{OPENMMLAB}/mmclassification/v0/hrnet/hrnet-{{}}_in1k_20220120-{{}}.pth'
TRUNKS = f'{OPENMMLAB}/pretrain/third_party/hrnetv2_{{}}.pth'
POSE = f'{OPENMMLAB}/mmpose/pretrain_models/hrnet_{{}}.pth'
TIMM = 'https://huggingface.co/timm/hrnet_{}/resolve/main/model.safetensors'


def _mirrors(
    timm: str, mmpretrain: tuple[str, str] | None = None, trunk: str | None = None
) -> tuple[str, ...]:
    # the file that OpenMMLab's recipes start from first
    mirrors = [TRUNKS.format(trunk)] if trunk else []
    mirrors += [PRETRAIN.format(*mmpretrain)] if mmpretrain else []
    return (*mirrors, TIMM.format(timm))


# Weights that training starts from. Sources: the metafiles of mmpretrain, the hub of
# mmengine, the models of timm.
MIRRORS: dict[str, tuple[str, ...]] = {
    'w18_small_v1/imagenet': _mirrors('w18_small.ms_in1k'),
    'w18_small_v2/imagenet': _mirrors(
        'w18_small_v2.ms_in1k', trunk='w18_small-b5a04e21'
    ),
    'w18/imagenet': _mirrors(
        'w18.ms_in1k', ('w18_3rdparty_8xb32', '0c10b180'), 'w18-00eb2006'
    ),
    'w30/imagenet': _mirrors('w30.ms_in1k', ('w30_3rdparty_8xb32', '8aa3832f')),
    'w32/imagenet': _mirrors(
        'w32.ms_in1k', ('w32_3rdparty_8xb32', 'c394f1ab'), 'w32-dc9eeb4f'
    ),
    'w40/imagenet': _mirrors(
        'w40.ms_in1k', ('w40_3rdparty_8xb32', '9a2dbfc5'), 'w40-ed0b031c'
    ),
    'w44/imagenet': _mirrors('w44.ms_in1k', ('w44_3rdparty_8xb32', '35d07f73')),
    'w48/imagenet': _mirrors(
        'w48.ms_in1k', ('w48_3rdparty_8xb32', 'e555ef50'), 'w48-d2186c55'
    ),
    'w64/imagenet': _mirrors('w64.ms_in1k', ('w64_3rdparty_8xb32', '19126642')),
    # from an earlier training on ImageNet; mmpose's recipes start from these
    'w32/imagenet-pose': (POSE.format('w32-36af842e'),),
    'w48/imagenet-pose': (POSE.format('w48-8ef0771d'),),
    'w18/imagenet-ssld': _mirrors(
        'w18_ssld.paddle_in1k', ('w18_3rdparty_8xb32-ssld', '455f69ea')
    ),
    'w48/imagenet-ssld': _mirrors(
        'w48_ssld.paddle_in1k', ('w48_3rdparty_8xb32-ssld', 'd0459c38')
    ),
    # detectors of MMPose's inferencer
    'person-detector': (
        f'{OPENMMLAB}/mmpose/v1/projects/rtmposev1/'
        'rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth',
    ),
    'face-detector': (
        f'{OPENMMLAB}/mmpose/mmdet_pretrained/yolo-x_8xb8-300e_coco-face_13274d7c.pth',
    ),
}

# Keys of configs whose values are weights: checkpoint, pretrained, teacher_ckpt ...
WEIGHTS_KEY = re.compile('(checkpoint|pretrained|ckpt)$')

# OpenMMLab's file names end in the first digits of the SHA-256 and possibly a date.
CHECKSUM = re.compile(r'[-_]([0-9a-f]{8})(?:_\d{8})?\.\w+$')


class DownloadError(CheckpointError):
    """A file that no mirror could deliver."""


def cache_folder() -> Path:
    """Return ``HRNET_MM_CACHE``, or by default the folder of ``torch.hub``."""
    folder = os.environ.get('HRNET_MM_CACHE')
    return (
        Path(folder).expanduser()
        if folder
        else Path(torch.hub.get_dir()) / 'checkpoints'
    )


def list_known() -> dict[str, tuple[str, ...]]:
    """Return the URLs of all named weights: of ``MIRRORS`` and the model zoo."""
    return MIRRORS | {model.name: (model.weights,) for model in zoo.models().values()}


def fetch(source: str) -> Path:
    """Return the file of a name or a URL, from the cache or the first mirror.

    Args:
        source: A name, with or without ``hrnet://``; a URL; a name of mmengine's hub,
            ``open-mmlab://msra/hrnetv2_w18``; or a path, which must exist.

    Raises:
        CheckpointError: if the name is unknown, or no mirror delivers the file.
        FileNotFoundError: if the path does not exist.
    """
    if is_path(source):
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f'{source}: no such file, nor a known name or URL')
        return path
    return _fetch_first(addresses(source), source)


def is_path(source: str) -> bool:
    """Return whether weights are given by a path, existing or not."""
    if '://' in source or source in list_known():
        return False
    return bool(Path(source).suffix) or Path(source).exists()


def addresses(source: str) -> tuple[str, ...]:
    """Return the URLs of a name, or the URL itself.

    Raises:
        CheckpointError: if the name is unknown.
    """
    if source.startswith(('http://', 'https://')):
        return (source,)
    if HUB.match(source):
        return (_find_in_mmengine_hub(source),)
    name = source.removeprefix(SCHEME)
    names = list_known()
    if name not in names:
        raise CheckpointError(zoo.describe_unknown_name(name, names))
    return names[name]


def _find_in_mmengine_hub(source: str) -> str:
    name = HUB.sub('', source)
    name = get_deprecated_model_names().get(name, name)
    urls = get_external_models()
    if name not in urls:
        raise CheckpointError(f'{source}: mmengine knows no such name')
    return urls[name]


def cached_files(source: str) -> list[Path]:
    """Return the paths in the cache of a name or URL, one for each mirror."""
    return [cache_folder() / file_name(url) for url in addresses(source)]


def list_needed(cfg: Config) -> list[str]:
    """Return the names, URLs and paths of the weights that a training job needs.

    These are, in order, the values in ``model`` of all keys that end in ``checkpoint``,
    ``pretrained`` or ``ckpt``, and ``load_from``.
    """
    found = [*_find_weights(cfg.get('model')), cfg.get('load_from')]
    return list(dict.fromkeys(source for source in found if source))


def _find_weights(cfg: Any) -> Iterator[str]:
    if isinstance(cfg, dict):
        for key, value in cfg.items():
            if isinstance(value, str) and WEIGHTS_KEY.search(key):
                yield value
            else:
                yield from _find_weights(value)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from _find_weights(value)


def _fetch_first(
    urls: tuple[str, ...],
    source: str,
    folder: Path | None = None,
    progress: bool = True,
) -> Path:
    # a file that is already in the folder, else the first that can be downloaded
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
    shared = (
        ''
        if 'HRNET_MM_CACHE' in os.environ
        else ', or set HRNET_MM_CACHE to a folder that both machines share'
    )
    raise DownloadError(
        f'{source} cannot be downloaded:\n  ' + '\n  '.join(reasons) + '\nOn a machine '
        f'with a network, run `hrnet-mm fetch {_name_of(source)}`, or `hrnet-mm fetch '
        f'CONFIG` for all weights of a job, and copy the file to {files[0]}{shared}'
    )


def _name_of(source: str) -> str:
    named = (name for name, urls in list_known().items() if source in urls)
    return next(named, source)


def download(url: str, file: Path, progress: bool) -> None:
    """Download a file and verify its checksum; a partial file is never left behind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    checksum = CHECKSUM.search(url)
    prefix = checksum[1] if checksum else None
    download_url_to_file(url, str(file), prefix, progress)


def file_name(url: str) -> str:
    """Return the name of a file in the cache.

    The files of timm, which are all called ``model.safetensors``, are named after their
    repository.
    """
    *_, repository, _, _, name = ['', '', '', *url.split('/')]
    return f'{repository}.safetensors' if name == 'model.safetensors' else name


def load_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
) -> Any:
    """Replace ``torch.utils.model_zoo.load_url``: same arguments, but a safe load."""
    folder = Path(model_dir) if model_dir else None
    file = _fetch_first((url,), url, folder, progress)
    return load(file, map_location or 'cpu')


def load_by_name(name: str, map_location: Any = None) -> Any:
    """Load a name or a URL; the first process of each node downloads the file."""
    # of torchrun and Slurm, or of Open MPI; mmengine's needs a group that nobody makes
    local_rank = os.environ.get('LOCAL_RANK') or os.environ.get(
        'OMPI_COMM_WORLD_LOCAL_RANK', '0'
    )
    if int(local_rank) == 0:
        fetch(name)
    dist.barrier()
    return load(fetch(name), map_location or 'cpu')


def load_checkpoint(source: str | os.PathLike[str]) -> Any:
    """Load the content of a checkpoint file with ``safe_load.load``, on the CPU.

    Args:
        source: A path, a URL, a name such as ``hrnet://w48/imagenet`` or
            ``open-mmlab://msra/hrnetv2_w18``, or a file of a storage backend of
            mmengine (``s3://...``).

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if the name is unknown, the download fails, or the file is
            damaged or asks to run code.
    """
    source = str(source)
    if '://' not in source:
        return load(source)
    if source.startswith((SCHEME, 'http://', 'https://')) or HUB.match(source):
        return load_by_name(source)
    try:
        file = fileio.get_local_path(source)
        with file as path:
            return load(path)
    except KeyError:  # mmengine has no such backend
        raise CheckpointError(
            f'{source}: unknown scheme; give a path, a URL, or a name such as '
            f'{SCHEME}w48/imagenet'
        ) from None


def resolve(source: str) -> str:
    """Return the file of a name, or ``source`` itself if it is no name."""
    if source.startswith(SCHEME) or (
        source in list_known() and not Path(source).exists()
    ):
        return str(fetch(source))
    return source
