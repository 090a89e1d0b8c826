"""A job that has to leave its nodes saves, leaves in order, and goes on later."""

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
from mmengine.runner import Runner
from torch import distributed

from hrnet_mm.registry import HOOKS

from .checkpoint_hook import WHOLE_FILES, point_at
from .optimizers import parts_of
from .optional_hook import OptionalHook

PREEMPTED = 75  # exit code; EX_TEMPFAIL of sysexits.h: try again later
FILE = 'preempted.pth'


@HOOKS.register_module()
class PreemptionHook(OptionalHook):
    """Saves at the next iteration after a signal, and ends the job with code 75.

    Slurm sends one before it takes nodes away (``--signal``, preemption, ``scancel``),
    torchrun passes SIGTERM on. One process that got it is enough: all agree on the
    iteration, rank 0 writes ``preempted.pth`` and all leave; ``--resume`` goes on with
    the next batch (``ExactResumeHook``). In a validation, rank 0 saves and leaves at
    once, and the launcher ends the others; going on begins with that validation.

    Args:
        signals: Their names.
        enable: See ``OptionalHook``.

    Raises:
        ValueError: if there is no such signal.
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
                f'PreemptionHook(signals={list(signals)}): {" ".join(sorted(unknown))} '
                f'is none of {" ".join(signal.Signals.__members__)}'
            )
        self.signals = [signal.Signals[name] for name in signals]
        self.received: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}
        self.forking = threading.local()

    def before_run(self, runner: Runner) -> None:
        """Listen."""
        self.before = {s: signal.signal(s, self.receive) for s in self.signals}
        os.register_at_fork(
            before=self.before_fork,
            after_in_parent=self.after_fork,
            after_in_child=self.after_fork_in_child,
        )
        atexit.register(kill_workers)

    def after_run(self, runner: Runner) -> None:
        """Listen no longer."""
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal."""
        self.received = signal.Signals(number)

    # A child that inherits `receive` survives SIGTERM: `multiprocessing.Pool`, in which
    # mmdet evaluates, would wait for it for ever.
    def before_fork(self) -> None:
        """Keep SIGTERM waiting."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self.forking.mask = mask

    def after_fork(self) -> None:
        """Receive it again, if this thread did."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self.forking.mask)

    def after_fork_in_child(self) -> None:
        """Let SIGTERM end the child."""
        if signal.getsignal(signal.SIGTERM) == self.receive:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.after_fork()

    # Slurm signals every process of a job step, torchrun every process of a group.
    # Workers of data loaders inherit what is blocked when they start, and so live as
    # long as the process they work for.
    def before_train_epoch(self, runner: Runner) -> None:
        """Before workers start."""
        self.block()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """After they started."""
        self.unblock()

    def after_train_epoch(self, runner: Runner) -> None:
        """Of an epoch without a batch, too."""
        self.unblock()

    def before_val_epoch(self, runner: Runner) -> None:
        """Before workers start."""
        self.block()

    def before_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """After they started."""
        self.unblock()

    def block(self) -> None:
        """Keep signals waiting."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self.signals)

    def unblock(self) -> None:
        """Receive them, also those that waited."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.signals)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save and leave, if any process got a signal."""
        if not between_updates(runner):  # accumulated gradients are in no checkpoint
            return
        device = next(runner.model.parameters()).device
        received = torch.tensor(int(self.received is not None), device=device)
        all_reduce(received, 'max')
        if received.item():
            # what SyncBuffersHook does at the end of an epoch; averages stay the same
            # however often they are taken
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
        """Save and leave, if rank 0 got a signal.

        Processes validate different numbers of batches, so that they cannot agree on
        one; and what is saved is the same in all of them.
        """
        if self.received is not None and is_main_process():
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):  # averages validate; the rest is saved
                    hook._swap_ema_parameters()
            self.save(runner, dict(epoch=runner.epoch, iter=runner.iter))
            self.leave(runner)

    def save(self, runner: Runner, meta: dict[str, Any]) -> None:
        """Write the checkpoint, and then the name of it that ``--resume`` reads."""
        folder = Path(runner.work_dir)
        runner.save_checkpoint(
            str(folder), FILE, meta=meta, by_epoch=False, backend_args=WHOLE_FILES
        )
        if is_main_process():
            point_at(folder, folder / FILE)
        name = self.received.name if self.received else 'A signal to another process'
        runner.logger.warning(
            f'{name}: saved {folder / FILE} at iteration {meta["iter"]}. The job ends '
            f'with exit code {PREEMPTED}; start it with --resume to go on from there'
        )

    def leave(self, runner: Runner) -> None:
        """End this process."""
        runner.visualizer.close()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        sys.exit(PREEMPTED)


def kill_workers() -> None:
    """At exit: Python would send its children SIGTERM, and wait for ever."""
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # torch's handler takes it for a fault
    for child in multiprocessing.active_children():
        child.kill()


def between_updates(runner: Runner) -> bool:
    """Whether the last iteration updated the weights."""
    return all(part.should_update() for part in parts_of(runner.optim_wrapper))
