"""What a process of a job sees alone: its versions, limits, folders and weights."""

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

from .fixes import Finding, distributions, install, last_line, version_of
from .rendezvous import Place

# Two batches of 64 images in flight, four tensors each: a file for each tensor.
FILES_OF_WORKER = 2 * 64 * 4
FILES_OF_PROCESS = 256


@dataclass(frozen=True)
class Needs:
    """What a job uses. ``$NAME`` in a path is the variable of each process.

    Attributes:
        folders: With data, to read.
        work_dir: One that all share, to write; empty for none.
        weights: Names, addresses or files.
        workers: Of the data loader of each process.
    """

    folders: Sequence[str] = ()
    work_dir: str = ''
    weights: Sequence[str] = ()
    workers: int = 4


def report(place: Place, needs: Needs) -> dict[str, Any]:
    """The report of one process: where it runs, on what, and its findings."""
    findings = [
        *versions(),
        gpu(place),
        open_files(needs.workers),
        *(folder(f'folder {i}', path) for i, path in enumerate(needs.folders, 1)),
        *([work_dir(needs.work_dir)] if needs.work_dir else []),
        *(weights(f'weights {i}', name) for i, name in enumerate(needs.weights, 1)),
    ]
    return dict(
        host=place.host,
        cuda=place.local_rank < torch.cuda.device_count(),
        cores=sorted(os.sched_getaffinity(0)),
        findings=[asdict(finding) for finding in findings],
    )


def versions() -> Iterator[Finding]:
    """Of what computes and communicates."""
    yield Finding('Python', 'ok', sys.version.split()[0])
    yield Finding('torch', 'ok', str(torch.__version__))
    if torch.cuda.is_available():
        nccl = '.'.join(map(str, torch.cuda.nccl.version()))
        yield Finding('CUDA', 'ok', f'{torch.version.cuda}, NCCL {nccl}')
    for name in ('mmengine', 'mmcv'):
        # a fork has a name of its own
        dists = [name] if version_of(name) else distributions(name)
        if version := ''.join(map(version_of, dists[:1])):
            yield Finding(name, 'ok', version)
        else:
            yield Finding(name, 'broken', 'not installed', fix=install(name))
    yield Finding('hrnet_mm', 'ok', __version__)


def gpu(place: Place) -> Finding:
    """Each process takes the GPU of its number."""
    count = torch.cuda.device_count()
    if not count:
        return Finding('GPU', 'note', 'none', 'training runs on the CPU')
    seen = f'{count} x {torch.cuda.get_device_name(0)}'
    if place.local_rank < count:
        return Finding('GPU', 'ok', seen)
    seen += f', and local rank {place.local_rank}'
    why = 'mmengine takes the GPU of this number: every process has to see all'
    fix = '--gres=gpu:N  # one task each; without --gpus-per-task and --gpu-bind'
    return Finding('GPU', 'broken', seen, why, fix)


def open_files(workers: int) -> Finding:
    """Workers share each tensor of a batch through a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_OF_PROCESS + workers * FILES_OF_WORKER
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return Finding('open files', 'ok', f'{soft}')
    why = f'{workers} workers share about {needed} files: "Too many open files"'
    enough = hard >= needed or hard == resource.RLIM_INFINITY
    fix = 'ulimit -n $(ulimit -Hn)' if enough else fewer_workers(workers // 2)
    return Finding('open files', 'warning', f'{soft}', why, fix)


def fewer_workers(count: int) -> str:
    """How a training job is told."""
    return f'--cfg-options train_dataloader.num_workers={count}'


def expanded(path: str) -> Path:
    """With the variables of this process."""
    return Path(os.path.expandvars(path)).expanduser()


def folder(name: str, given: str) -> Finding:
    """Data is there, and something in it: an unmounted disk is an empty folder."""
    path = expanded(given)
    why = 'mount or copy it there, or name a folder that all nodes share'
    try:
        count = len(os.listdir(path))
    except OSError as error:
        return Finding(name, 'broken', f'{path}: {error.strerror}', why)
    if not count:
        return Finding(name, 'broken', f'{path}: empty', why)
    return Finding(name, 'ok', f'{given}: {count} entries')


def work_dir(given: str) -> Finding:
    """A file can be written."""
    path = expanded(given)
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b'0')
    except OSError as error:
        why = 'name a folder that all nodes share and this user may write'
        fix = f'mkdir -p {shlex.quote(str(path))}' * (not path.exists())
        return Finding('work_dir', 'broken', f'{path}: {error.strerror}', why, fix)
    return Finding('work_dir', 'ok', given)


def weights(name: str, given: str) -> Finding:
    """Weights can be read, without a network."""
    try:
        files = places_of_weights(given)
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
    is_path = files == [expanded(given)]
    fix = '' if is_path else f'hrnet-mm fetch {shlex.quote(given)}'
    return Finding(name, 'broken', reasons[0], f'{why} that all nodes share', fix)


def places_of_weights(given: str) -> list[Path]:
    """The files that a job would try before it downloads."""
    from hrnet_mm.checkpoints import hub

    if '://' in given or given in hub.list_known():
        return hub.cached_files(given)
    return [expanded(given)]
