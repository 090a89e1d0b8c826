"""Going on in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, Runner

from hrnet_mm.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS

from .optimizers import match_memory_formats, parts_of

KEY = 'batches_of_epoch'  # in the `meta` of checkpoints: done, and of how many


class RemainingBatches:
    """A batch sampler without the first ``done`` batches.

    It stays so until told otherwise: loaders with workers call ``iter`` twice an epoch.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.done = 0

    @property
    def sampler(self) -> Any:
        """What hooks tell the epoch."""
        return self.batch_sampler.sampler

    def __iter__(self) -> Iterator[Any]:
        return islice(self.batch_sampler, self.done, None)

    def __len__(self) -> int:
        return len(self.batch_sampler)


@HOOKS.register_module()
class ExactResumeHook(OptionalHook):
    """A resumed job goes on with the very next batch, and leaves out no validation.

    The stock loop begins the epoch again, with more iterations than the schedule
    knows of. A validation that the job died in is run when it goes on: it may be the
    best one, or the last. Loops that count iterations go on exactly by themselves.
    Momenta get the memory format that the weights have on this device.
    """

    priority = 'LOWEST'

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.done = 0
        self.loaded = (0, 0)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how far the epoch is."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            meta = checkpoint['meta']
            done = self.done if meta['epoch'] == runner.epoch else 0  # at its end
            meta[KEY] = (done, len(runner.train_dataloader))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read it."""
        self.loaded = checkpoint.get('meta', {}).get(KEY, (0, 0))

    def before_train(self, runner: Runner) -> None:
        """Run the validation that was due when the checkpoint was written."""
        for part in parts_of(runner.optim_wrapper):
            match_memory_formats(part.optimizer)
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or loop.iter == 0:
            self.loaded = (0, 0)
            return
        loop._decide_current_val_interval()
        epoch = loop.epoch
        due = epoch % loop.val_interval == 0 or epoch == loop.max_epochs
        due = due and epoch >= loop.val_begin and self.loaded[0] == 0
        if due and runner.val_loop is not None:
            runner.val_loop.run()

    def before_train_epoch(self, runner: Runner) -> None:
        """In the first epoch: pass over what it has seen."""
        loop = runner.train_loop
        (done, length), self.loaded = self.loaded, (0, 0)
        if not done:
            return
        loader = loop.dataloader
        if length != len(loader):
            done = done * len(loader) // length
            runner.logger.warning(
                f'An epoch had {length} batches and has {len(loader)}: the number of '
                f'processes or the batch size changed. It goes on with batch {done + 1}'
            )
        if not isinstance(loader.batch_sampler, RemainingBatches):
            # DataLoader forbids that, because its iterator would not know; there is
            # none yet
            object.__setattr__(
                loader, 'batch_sampler', RemainingBatches(loader.batch_sampler)
            )
        loader.batch_sampler.done = self.done = done
        runner.logger.info(f'Going on with batch {done + 1} of {len(loader)}')
        run_iter = loop.run_iter
        loop.run_iter = lambda idx, data: run_iter(idx + done, data)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Count; what is saved is saved after an iteration."""
        self.done = batch_idx + 1

    def after_train_epoch(self, runner: Runner) -> None:
        """The next epoch begins at its first batch."""
        self.done = 0
        loop = runner.train_loop
        vars(loop).pop('run_iter', None)
        batch_sampler = getattr(loop.dataloader, 'batch_sampler', None)
        if isinstance(batch_sampler, RemainingBatches):
            batch_sampler.done = 0
