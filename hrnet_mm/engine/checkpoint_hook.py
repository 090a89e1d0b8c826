"""Checkpoints that are there whole, whenever a process dies or a disk is full."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine import hooks
from mmengine.dist import barrier, is_main_process
from mmengine.fileio import register_backend
from mmengine.fileio.backends import LocalBackend
from mmengine.runner import Runner

from hrnet_mm.files import write_whole
from hrnet_mm.registry import HOOKS

WHOLE_FILES = dict(backend='hrnet_mm.whole_files')
POINTER = 'last_checkpoint'  # what `--resume` reads: the path of the file to go on from
RESUMABLE = ('epoch_*.pth', 'iter_*.pth', 'preempted.pth')  # best_*.pth: weights alone
# on a full disk
ADVICE = 'Checkpoints from before are whole: make room, and go on with --resume'


@register_backend(WHOLE_FILES['backend'])
class WholeFiles(LocalBackend):
    """``LocalBackend`` of mmengine, which leaves no file half written.

    The stock one opens the file itself: a job that dies while it saves leaves a
    checkpoint that cannot be loaded, under the name of one that can.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes."""
        write_whole(Path(filepath), obj, ADVICE)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text."""
        write_whole(Path(filepath), obj.encode(encoding), ADVICE)


class RemovesLater:
    """A file backend whose removals wait for ``finish``."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.waiting: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        """Remember the file."""
        self.waiting[path] = os.stat(path).st_ino

    def finish(self) -> None:
        """Remove the files, but none that took the name of one of them since."""
        for path, inode in self.waiting.items():
            if os.path.isfile(path) and os.stat(path).st_ino == inode:
                self.backend.remove(path)


@HOOKS.register_module()
class CheckpointHook(hooks.CheckpointHook):
    """The stock hook, with a whole checkpoint to go on from at every moment.

    Files appear whole (``WholeFiles``), an old one goes only after its successor is
    there, and ``--resume`` passes over a file that is damaged.
    """

    file_backend: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        remote = '://' in str(kwargs.get('out_dir'))
        if not remote and kwargs.get('file_client_args') is None:
            kwargs['backend_args'] = kwargs.get('backend_args') or WHOLE_FILES
        super().__init__(*args, **kwargs)

    def before_run(self, runner: Runner) -> None:
        """Before ``--resume`` reads which file to go on from."""
        if runner._resume and runner._load_from is None:
            if is_main_process():
                point_at_whole(Path(runner.work_dir), runner.logger.warning)
            barrier()

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        with self.removing_later():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        with self.removing_later():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def removing_later(self) -> Iterator[None]:
        """The stock hook makes room first, and then may die before it saves."""
        backend = self.file_backend
        if backend.name != WholeFiles.__name__:
            yield
            return
        self.file_backend = later = RemovesLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        later.finish()


def point_at(folder: Path, checkpoint: Path) -> None:
    """Make ``--resume`` in a work folder go on from a checkpoint."""
    write_whole(folder / POINTER, str(checkpoint).encode(), ADVICE)


def point_at_whole(folder: Path, warn: Any) -> None:
    """See that ``last_checkpoint`` of a work folder names a file that can be loaded.

    Args:
        folder: Of the job.
        warn: Called with what is wrong, and what is used instead.

    Raises:
        ValueError: if there are checkpoints and all are damaged.
    """
    pointer = folder / POINTER
    named = Path(pointer.read_text().strip()) if pointer.is_file() else None
    found = {path for glob in RESUMABLE for path in folder.glob(glob)}
    others = sorted(found - {named}, key=os.path.getmtime, reverse=True)
    damages: list[str] = []
    for path in [*filter(None, [named]), *others]:
        damage = damage_of(path)
        if damage is None:
            if path != named:
                lines = damages or [f'{pointer} is missing']
                warn('\n'.join([*lines, f'Going on from {path} instead']))
                point_at(folder, path)
            return
        damages.append(f'{path} {damage}')
    if damages:
        seen = '\n'.join(damages)
        raise ValueError(
            f'--resume finds no checkpoint that can be loaded:\n{seen}\nPut one there,'
            f' or remove {pointer} and these files to start from the beginning'
        )


def damage_of(path: Path) -> str | None:
    """What is wrong with a checkpoint, if anything is; reads all of it."""
    if not path.is_file():
        return 'is missing'
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        return f'is damaged ({error}; {path.stat().st_size} bytes)'
    return f'is damaged (in {broken})' if broken else None
