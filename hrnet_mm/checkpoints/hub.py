"""Published weights by name or URL, with mirrors, checksums and a cache.

Configs use names such as ``hrnet://w48/imagenet``. ``hrnet-mm fetch CONFIG`` downloads
all weights of a training job in advance, for machines without a network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine import dist, fileio
from mmengine.config import Config
from mmengine.runner.checkpoint import get_deprecated_model_names, get_external_models
from torch.hub import download_url_to_file

from . import checksums, zoo
from .safe_load import CheckpointError, load

SCHEME = 'hrnet://'
HUB = re.compile('open-?mmlab://')  # scheme of mmengine's hub

# Keys of configs whose values are weights: checkpoint, pretrained, teacher_ckpt ...
WEIGHTS_KEY = re.compile('(checkpoint|pretrained|ckpt)$')


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


def list_known() -> dict[str, zoo.Weights]:
    """Return all published weights by name."""
    return zoo.weights()


def fetch(source: str) -> Path:
    """Return the file of a name or a URL, from the cache or the first mirror.

    The SHA-256 is verified as far as it is known, also of a file that somebody has
    copied into the cache.

    Args:
        source: A name, with or without ``hrnet://``; a URL; a name of mmengine's hub,
            ``open-mmlab://msra/hrnetv2_w18``; or a path, which must exist.

    Raises:
        CheckpointError: if the name is unknown, no mirror delivers the file, or the
            file in the cache has another SHA-256.
        FileNotFoundError: if the path does not exist.
    """
    if is_path(source):
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f'{source}: no such file, nor a known name or URL')
        return path
    return _fetch_first(list_mirrors(source), source)


def is_path(source: str) -> bool:
    """Return whether weights are given by a path, existing or not."""
    if '://' in source or source in list_known():
        return False
    return bool(Path(source).suffix) or Path(source).exists()


def list_mirrors(source: str) -> tuple[zoo.Mirror, ...]:
    """Return the files of a name, or that of a URL.

    Raises:
        CheckpointError: if the name is unknown.
    """
    if source.startswith(('http://', 'https://')):
        return (_find_mirror(source),)
    if HUB.match(source):
        return (_find_mirror(_find_in_mmengine_hub(source)),)
    name = source.removeprefix(SCHEME)
    names = list_known()
    if name not in names:
        raise CheckpointError(zoo.describe_unknown_name(name, names))
    return names[name].mirrors


def _find_mirror(url: str) -> zoo.Mirror:
    # the table may know more of a URL than its name says
    mirrors = (it for weights in list_known().values() for it in weights.mirrors)
    return next((it for it in mirrors if it.url == url), zoo.make_mirror(url))


def _find_in_mmengine_hub(source: str) -> str:
    name = HUB.sub('', source)
    name = get_deprecated_model_names().get(name, name)
    urls = get_external_models()
    if name not in urls:
        raise CheckpointError(f'{source}: mmengine knows no such name')
    return urls[name]


def cached_files(source: str) -> list[Path]:
    """Return the paths in the cache of a name or URL, one for each mirror."""
    return [cache_folder() / mirror.file for mirror in list_mirrors(source)]


def describe_checksum(source: str, path: Path) -> str:
    """Return the SHA-256 of a fetched file, and how much of it was verified."""
    mirrors = {mirror.file: mirror for mirror in list_mirrors(source)}
    known = mirrors[path.name].sha256 if path.name in mirrors else None
    how = 'not published: compare it with that of another copy'
    if known:
        how = (
            'verified'
            if len(known) == 64
            else f'its first {len(known)} digits verified'
        )
    return f'SHA-256 {checksums.read_or_compute(path)} ({how})'


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
    mirrors: tuple[zoo.Mirror, ...],
    source: str,
    folder: Path | None = None,
    progress: bool = True,
) -> Path:
    # a file that is already in the folder, else the first that can be downloaded
    folder = folder or cache_folder()
    for mirror in mirrors:
        file = folder / mirror.file
        if file.is_file():
            _check_cached(file, mirror)
            return file
    reasons = []
    for mirror in mirrors:
        if mirror.url is None:
            continue
        file = folder / mirror.file
        try:
            download(mirror.url, file, mirror.sha256, progress)
        except (OSError, checksums.ChecksumError) as error:
            reason = getattr(error, 'reason', None) or error
            reasons.append(f'{mirror.url} ({reason})')
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
        f'CONFIG` for all weights of a job, and copy the file that it names into '
        f'{folder}{shared}'
    )


def _check_cached(file: Path, mirror: zoo.Mirror) -> None:
    # somebody may have copied it there, or only a part of it
    if mirror.sha256 is None:
        return
    try:
        checksums.check(checksums.read_or_compute(file), mirror.sha256)
    except checksums.ChecksumError as error:
        raise checksums.ChecksumError(
            f'{file} is not the file that was published: {error}. It is damaged, '
            'incomplete or another file. Remove it, and it is downloaded again; '
            'without a network, copy it again'
        ) from None


def _name_of(source: str) -> str:
    urls = {
        mirror.url: name
        for name, weights in list_known().items()
        for mirror in weights.mirrors
    }
    return urls.get(source, source)


def download(url: str, file: Path, sha256: str | None, progress: bool) -> None:
    """Download a file and verify its SHA-256.

    A partial file, or one with another SHA-256, is never left behind.

    Args:
        url: The address.
        file: The path to write; its folder is created.
        sha256: The SHA-256 in hex, complete or its first digits, or None.
        progress: Whether to show a progress bar.

    Raises:
        OSError: if the file cannot be downloaded or written.
        ChecksumError: if it has another SHA-256.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix='.download-', dir=file.parent) as folder:
        part = Path(folder) / file.name
        download_url_to_file(url, str(part), progress=progress)
        if sha256 is not None:
            checksums.check(checksums.compute(part), sha256)
        part.replace(file)


def load_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
) -> Any:
    """Replace ``torch.utils.model_zoo.load_url``: same arguments, but a safe load."""
    folder = Path(model_dir) if model_dir else None
    file = _fetch_first((_find_mirror(url),), url, folder, progress)
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
