"""Checks of a single process of a job: versions, limits, folders and weights."""

from __future__ import annotations

import os
import resource
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hrnet_mm import __version__

from .fixes import Finding, distributions, install_command, installed_version, last_line
from .rendezvous import ProcessInfo

# Workers share each tensor through a file: 2 prefetched batches of 64 images, with 4
# tensors each.
FILES_OF_WORKER = 2 * 64 * 4
FILES_OF_PROCESS = 256


@dataclass(frozen=True)
class Needs:
    """The resources that a job needs.

    ``$NAME`` in a path is an environment variable, which each process expands.

    Attributes:
        folders: Folders of data.
        work_dir: The work folder that all nodes share; empty for none.
        weights: Names, URLs or paths of weights.
        workers: The number of data loader workers per process.
    """

    folders: Sequence[str] = ()
    work_dir: str = ''
    weights: Sequence[str] = ()
    workers: int = 4


def run_checks(process: ProcessInfo, needs: Needs) -> dict[str, Any]:
    """Run all checks of this process and return a JSON-serializable report."""
    findings = [
        *_check_versions(),
        check_gpu(process),
        _check_open_files(needs.workers),
        *(_check_folder(f'folder {i}', it) for i, it in enumerate(needs.folders, 1)),
        *([_check_work_dir(needs.work_dir)] if needs.work_dir else []),
        *(check_weights(f'weights {i}', it) for i, it in enumerate(needs.weights, 1)),
    ]
    return dict(
        host=process.host,
        cuda=process.local_rank < torch.cuda.device_count(),
        cores=sorted(os.sched_getaffinity(0)),
        findings=[asdict(finding) for finding in findings],
    )


def _check_versions() -> Iterator[Finding]:
    yield Finding('Python', 'ok', sys.version.split()[0])
    yield Finding('torch', 'ok', str(torch.__version__))
    if torch.cuda.is_available():
        nccl = '.'.join(map(str, torch.cuda.nccl.version()))
        yield Finding('CUDA', 'ok', f'{torch.version.cuda}, NCCL {nccl}')
    for name in ('mmengine', 'mmcv'):
        # a fork has a name of its own
        dists = [name] if installed_version(name) else distributions(name)
        if version := ''.join(map(installed_version, dists[:1])):
            yield Finding(name, 'ok', version)
        else:
            yield Finding(name, 'broken', 'not installed', fix=install_command(name))
    yield Finding('hrnet_mm', 'ok', __version__)


def check_gpu(process: ProcessInfo) -> Finding:
    """Check that this process sees the GPU of its local rank."""
    count = torch.cuda.device_count()
    if not count:
        return Finding('GPU', 'note', 'none', 'training runs on the CPU')
    seen = f'{count} x {torch.cuda.get_device_name(0)}'
    if process.local_rank < count:
        return Finding('GPU', 'ok', seen)
    seen += f', and local rank {process.local_rank}'
    why = 'mmengine uses the GPU with this index: every process must see all GPUs'
    fix = '--gres=gpu:N  # N tasks per node; without --gpus-per-task and --gpu-bind'
    return Finding('GPU', 'broken', seen, why, fix)


def _check_open_files(workers: int) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_OF_PROCESS + workers * FILES_OF_WORKER
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return Finding('open files', 'ok', f'{soft}')
    why = f'{workers} workers share about {needed} files: "Too many open files"'
    enough = hard >= needed or hard == resource.RLIM_INFINITY
    fix = 'ulimit -n $(ulimit -Hn)' if enough else workers_option(workers // 2)
    return Finding('open files', 'warning', f'{soft}', why, fix)


def workers_option(count: int) -> str:
    """Return the command-line option that sets the number of workers."""
    return f'--cfg-options train_dataloader.num_workers={count}'


def expand_path(path: str) -> Path:
    """Expand environment variables and ``~`` in a path."""
    return Path(os.path.expandvars(path)).expanduser()


def _check_folder(name: str, given: str) -> Finding:
    # an unmounted disk is an empty folder
    path = expand_path(given)
    why = 'mount or copy it there, or use a folder that all nodes share'
    try:
        count = len(os.listdir(path))
    except OSError as error:
        return Finding(name, 'broken', f'{path}: {error.strerror}', why)
    if not count:
        return Finding(name, 'broken', f'{path}: empty', why)
    return Finding(name, 'ok', f'{given}: {count} entries')


def _check_work_dir(given: str) -> Finding:
    path = expand_path(given)
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b'0')
    except OSError as error:
        why = 'use a folder that all nodes share and this user may write to'
        fix = f'mkdir -p {shlex.quote(str(path))}' * (not path.exists())
        return Finding('work_dir', 'broken', f'{path}: {error.strerror}', why, fix)
    return Finding('work_dir', 'ok', given)


def check_weights(name: str, given: str) -> Finding:
    """Check that weights can be read without a network."""
    try:
        files = _weight_files(given)
    except Exception as error:  # a broken library raises anything
        return Finding(name, 'broken', last_line(error), fix='hrnet-mm doctor')
    reasons = []
    for file in files:
        try:
            with file.open('rb') as data:
                size = data.seek(0, os.SEEK_END)
            if size:
                return Finding(name, 'ok', f'{given}: {size:,} bytes')
            reasons.append(f'{file}: empty')
        except OSError as error:
            reasons.append(f'{file}: {error.strerror}')
    why = 'a node without a network cannot download it; set HRNET_MM_CACHE to a folder'
    is_path = files == [expand_path(given)]
    fix = '' if is_path else f'hrnet-mm fetch {shlex.quote(given)}'
    return Finding(name, 'broken', reasons[0], f'{why} that all nodes share', fix)


def _weight_files(given: str) -> list[Path]:
    # files that a job tries to read before it downloads
    from hrnet_mm.checkpoints import hub

    if '://' in given or given in hub.list_known():
        return hub.cached_files(given)
    return [expand_path(given)]
