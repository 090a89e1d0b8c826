"""Checkpoints that stay complete if a process dies or a disk is full."""

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

from hrnet_mm.files import write_atomically
from hrnet_mm.registry import HOOKS

WHOLE_FILES = dict(backend='hrnet_mm.whole_files')
POINTER = 'last_checkpoint'  # a file with the path that `--resume` loads
# best_*.pth has no state of the optimizer
RESUMABLE = ('epoch_*.pth', 'iter_*.pth', 'preempted.pth')
ADVICE = 'Earlier checkpoints are intact: free disk space and continue with --resume'


@register_backend(WHOLE_FILES['backend'])
class WholeFiles(LocalBackend):
    """``LocalBackend`` of mmengine with atomic writes.

    The stock backend writes to the final path: a job that dies while it saves leaves a
    truncated checkpoint there.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file, completely or not at all."""
        write_atomically(Path(filepath), obj, ADVICE)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text to a file, completely or not at all."""
        write_atomically(Path(filepath), obj.encode(encoding), ADVICE)


class _RemovesLater:
    # A file backend whose removals wait for `finish`.

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.waiting: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        """Mark a file for removal."""
        self.waiting[path] = os.stat(path).st_ino

    def finish(self) -> None:
        """Remove the marked files, except those that were replaced since."""
        for path, inode in self.waiting.items():
            if os.path.isfile(path) and os.stat(path).st_ino == inode:
                self.backend.remove(path)


@HOOKS.register_module()
class CheckpointHook(hooks.CheckpointHook):
    """``CheckpointHook`` of mmengine that always keeps one checkpoint to resume from.

    Files are written atomically (``WholeFiles``), an old file is removed only after its
    successor exists, and ``--resume`` skips damaged files.
    """

    file_backend: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        remote = '://' in str(kwargs.get('out_dir'))
        if not remote and kwargs.get('file_client_args') is None:
            kwargs['backend_args'] = kwargs.get('backend_args') or WHOLE_FILES
        super().__init__(*args, **kwargs)

    def before_run(self, runner: Runner) -> None:
        """Make ``last_checkpoint`` name an intact file before ``--resume`` reads it."""
        if runner._resume and runner._load_from is None:
            if is_main_process():
                repair_pointer(Path(runner.work_dir), runner.logger.warning)
            barrier()

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        with self._removing_later():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        with self._removing_later():
            super()._save_best_checkpoint(runner, metrics)

    # The stock hook removes the old file first and may die before it saves the next.
    @contextmanager
    def _removing_later(self) -> Iterator[None]:
        backend = self.file_backend
        if backend.name != WholeFiles.__name__:
            yield
            return
        self.file_backend = later = _RemovesLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        later.finish()


def write_pointer(folder: Path, checkpoint: Path) -> None:
    """Write the path that ``--resume`` loads into a work folder."""
    write_atomically(folder / POINTER, str(checkpoint).encode(), ADVICE)


def repair_pointer(folder: Path, warn: Any) -> None:
    """Make ``last_checkpoint`` of a work folder name a checkpoint that can be loaded.

    Args:
        folder: The work folder of the job.
        warn: A function that gets a message if another checkpoint has to be used.

    Raises:
        ValueError: If there are checkpoints and all of them are damaged.
    """
    pointer = folder / POINTER
    named = Path(pointer.read_text().strip()) if pointer.is_file() else None
    found = {path for glob in RESUMABLE for path in folder.glob(glob)}
    others = sorted(found - {named}, key=os.path.getmtime, reverse=True)
    damages: list[str] = []
    for path in [*filter(None, [named]), *others]:
        damage = _find_damage(path)
        if damage is None:
            if path != named:
                lines = damages or [f'{pointer} is missing']
                warn('\n'.join([*lines, f'Resuming from {path} instead']))
                write_pointer(folder, path)
            return
        damages.append(f'{path} {damage}')
    if damages:
        seen = '\n'.join(damages)
        raise ValueError(
            f'--resume found no checkpoint that can be loaded:\n{seen}\nCopy an intact '
            f'one there, or remove {pointer} and these files to start from scratch'
        )


def _find_damage(path: Path) -> str | None:
    if not path.is_file():
        return 'is missing'
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        return f'is damaged ({error}; {path.stat().st_size} bytes)'
    return f'is damaged (in {broken})' if broken else None
