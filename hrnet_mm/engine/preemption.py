"""A hook that saves a checkpoint when a job is preempted."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, all_reduce_params, barrier, is_main_process
from mmengine.hooks import EMAHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import distributed

from hrnet_mm.registry import HOOKS

from .checkpoint_hook import WHOLE_FILES, write_pointer
from .optimizers import optim_wrappers_of
from .optional_hook import OptionalHook
from .resume import ExactResumeHook

PREEMPTED = 75  # exit code; EX_TEMPFAIL of sysexits.h: try again later
FILE = 'preempted.pth'


@HOOKS.register_module()
class PreemptionHook(OptionalHook):
    """Saves a checkpoint after a signal and ends the job with exit code 75.

    Slurm sends a signal before it takes nodes away (``--signal``, preemption,
    ``scancel``), and torchrun forwards SIGTERM. It is enough if one process gets it:
    all agree on the iteration, rank 0 writes ``preempted.pth`` and all exit. With
    ``--resume`` the job continues with the next batch (``ExactResumeHook``). During a
    validation rank 0 saves and exits at once, and the launcher ends the other
    processes; the resumed job starts with that validation.

    Args:
        signals: Names of signals.
        enable: See ``OptionalHook``.

    Raises:
        ValueError: If a signal does not exist.
    """

    priority = 'LOWEST'  # after schedules, logs and checkpoints of this iteration

    def __init__(
        self,
        signals: Sequence[str] = ('SIGUSR1', 'SIGTERM'),
        *,
        enable: bool = True,
    ) -> None:
        super().__init__(enable=enable)
        unknown = set(signals) - set(signal.Signals.__members__)
        if unknown:
            raise ValueError(
                f'PreemptionHook(signals={list(signals)}): no such signal: '
                f'{" ".join(sorted(unknown))}. There are '
                f'{" ".join(signal.Signals.__members__)}'
            )
        self.signals = [signal.Signals[name] for name in signals]
        self.received: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}
        self.forking = threading.local()

    def before_run(self, runner: Runner) -> None:
        """Install the signal handlers."""
        self.before = {s: signal.signal(s, self.receive) for s in self.signals}
        os.register_at_fork(
            before=self.before_fork,
            after_in_parent=self.after_fork,
            after_in_child=self.after_fork_in_child,
        )
        atexit.register(_kill_workers)

    def before_train(self, runner: Runner) -> None:
        """Warn if a resumed job would repeat the epoch."""
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        if by_epoch and not any(isinstance(it, ExactResumeHook) for it in runner.hooks):
            runner.logger.warning(
                'A job that resumes after a signal repeats its epoch from the start, '
                'and so trains for more iterations. To resume with the next batch, add '
                "default_hooks=dict(exact_resume=dict(type='hrnet_mm.ExactResumeHook'))"
            )

    def after_run(self, runner: Runner) -> None:
        """Restore the signal handlers from before."""
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Store a signal; the next iteration reacts to it."""
        self.received = signal.Signals(number)

    # A child that inherits `receive` survives SIGTERM: `multiprocessing.Pool`, in which
    # mmdet evaluates, would wait for it for ever.
    def before_fork(self) -> None:
        """Block SIGTERM in this thread."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self.forking.mask = mask

    def after_fork(self) -> None:
        """Restore the signal mask of this thread."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self.forking.mask)

    def after_fork_in_child(self) -> None:
        """Restore the default handler of SIGTERM in the child."""
        if signal.getsignal(signal.SIGTERM) == self.receive:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.after_fork()

    # Slurm signals every process of a job step, torchrun every process of a group.
    # Workers of data loaders inherit the signal mask when they start; with the signals
    # blocked they live as long as their parent process.
    def before_train_epoch(self, runner: Runner) -> None:
        """Block the signals while the workers start."""
        self.block()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Unblock the signals after the workers have started."""
        self.unblock()

    def after_train_epoch(self, runner: Runner) -> None:
        """Unblock the signals after an epoch without any batch."""
        self.unblock()

    def before_val_epoch(self, runner: Runner) -> None:
        """Block the signals while the workers start."""
        self.block()

    def before_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Unblock the signals after the workers have started."""
        self.unblock()

    def block(self) -> None:
        """Block the signals; the operating system keeps them pending."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self.signals)

    def unblock(self) -> None:
        """Unblock the signals; pending ones are delivered."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.signals)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save and exit if any process got a signal."""
        if not _has_updated(runner):  # accumulated gradients are in no checkpoint
            return
        device = next(runner.model.parameters()).device
        received = torch.tensor(int(self.received is not None), device=device)
        all_reduce(received, 'max')
        if received.item():
            # as SyncBuffersHook does at the end of an epoch; doing it twice is harmless
            all_reduce_params(runner.model.buffers(), op='mean')
            self.save(runner, dict(epoch=runner.epoch, iter=runner.iter + 1))
            barrier()
            self.leave(runner)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Save and exit if rank 0 got a signal.

        Processes validate different numbers of batches, so that they cannot agree on
        one. The state to save is the same in all of them.
        """
        if self.received is not None and is_main_process():
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):  # validation swaps the averages in
                    hook._swap_ema_parameters()
            self.save(runner, dict(epoch=runner.epoch, iter=runner.iter))
            self.leave(runner)

    def save(self, runner: Runner, meta: dict[str, Any]) -> None:
        """Write the checkpoint, then the file that makes ``--resume`` load it."""
        folder = Path(runner.work_dir)
        runner.save_checkpoint(
            str(folder), FILE, meta=meta, by_epoch=False, backend_args=WHOLE_FILES
        )
        if is_main_process():
            write_pointer(folder, folder / FILE)
        name = self.received.name if self.received else 'A signal to another process'
        runner.logger.warning(
            f'{name}: saved {folder / FILE} at iteration {meta["iter"]}. The job ends '
            f'with exit code {PREEMPTED}; start it with --resume to continue from there'
        )

    def leave(self, runner: Runner) -> None:
        """End this process with the exit code ``PREEMPTED``."""
        runner.visualizer.close()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        sys.exit(PREEMPTED)


def _kill_workers() -> None:
    # At exit Python would send its children SIGTERM, which they block, and wait for
    # ever. The handler of torch would report their end as a fault.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in multiprocessing.active_children():
        child.kill()


def _has_updated(runner: Runner) -> bool:
    return all(part.should_update() for part in optim_wrappers_of(runner.optim_wrapper))
