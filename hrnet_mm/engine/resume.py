"""Resuming in the middle of an epoch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import islice
from logging import Logger
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from hrnet_mm.registry import HOOKS

from .optimizers import match_memory_formats, parts_of
from .optional_hook import OptionalHook

KEY = 'batches_of_epoch'  # in the `meta` of checkpoints: done, and of how many


class RemainingBatches:
    """A batch sampler without the first batches of each epoch.

    Args:
        batch_sampler: Of all batches.
        done: How many to leave out.
    """

    def __init__(self, batch_sampler: Any, done: int) -> None:
        self.batch_sampler = batch_sampler
        self.done = done

    @property
    def sampler(self) -> Any:
        """The sampler whose epoch ``DistSamplerSeedHook`` sets."""
        return self.batch_sampler.sampler

    def __iter__(self) -> Iterator[Any]:
        return islice(self.batch_sampler, self.done, None)

    def __len__(self) -> int:
        return len(self.batch_sampler) - self.done


def rest_of(loader: DataLoader, done: int) -> DataLoader:
    """Build a loader that begins after the first batches, without loading them.

    Args:
        loader: Of whole epochs, ``is_divisible``.
        done: The number of batches to leave out.

    Returns:
        A loader with the data set, the samplers and the settings of ``loader``. Its
        workers end with the epoch.
    """
    chosen_anew = {
        'dataset', 'batch_size', 'shuffle', 'sampler', 'batch_sampler', 'drop_last',
        'persistent_workers',
    }  # fmt: skip
    settings = inspect.signature(DataLoader).parameters.keys() - chosen_anew
    return DataLoader(
        loader.dataset,
        batch_sampler=RemainingBatches(loader.batch_sampler, done),
        **{name: getattr(loader, name) for name in settings},
    )


def is_divisible(loader: Any) -> bool:
    """Whether ``rest_of`` takes a loader: mmengine builds no others."""
    return (
        type(loader) is DataLoader
        and loader.batch_sampler is not None
        and not isinstance(loader.dataset, IterableDataset)
    )


def validate_if_due(loop: EpochBasedTrainLoop) -> None:
    """Validate if the schedule of a loop has a validation after its last epoch."""
    loop._decide_current_val_interval()
    due = loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs
    if due and loop.epoch >= loop.val_begin and loop.runner.val_loop is not None:
        loop.runner.val_loop.run()


class ResumableEpochLoop(EpochBasedTrainLoop):
    """``EpochBasedTrainLoop`` that resumes with the very next batch.

    Checkpoints do not know the loop: ``ExactResumeHook`` notes there how many batches
    of the epoch are done, and calls ``resume``. Without that hook a resumed job begins
    its epoch again.
    """

    _first_batch = 0  # of the next epoch to run
    _validates_first = False

    def resume(self, done: int, *, validate: bool) -> None:
        """Leave out what was done before the job was interrupted.

        Args:
            done: The number of batches of the current epoch.
            validate: Whether it was interrupted between two epochs: a validation that
                was due there may not have ended, and is run first.
        """
        self._first_batch = done
        self._validates_first = validate

    def run(self) -> nn.Module:
        """Train."""
        self.runner.call_hook('before_train')
        if self._validates_first:
            validate_if_due(self)
        while self.epoch < self.max_epochs and not self.stop_training:
            self.run_epoch()
            validate_if_due(self)
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Train for an epoch, or for the rest of one."""
        first, self._first_batch = self._first_batch, 0
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        loader = rest_of(self.dataloader, first) if first else self.dataloader
        for idx, batch in enumerate(loader, first):
            self.run_iter(idx, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@HOOKS.register_module()
class ExactResumeHook(OptionalHook):
    """A resumed job continues with the very next batch, and omits no validation.

    It notes in checkpoints how many batches of the epoch are done, and tells
    ``ResumableEpochLoop``, from which ``hrnet_mm.EpochLoop`` is derived. The stock
    ``EpochBasedTrainLoop`` gets a loader of the rest of the epoch instead; until that
    epoch ends, its log counts the remaining batches. Loops that count iterations resume
    exactly by themselves.

    Momenta get the memory format that the weights have on this device.
    """

    priority = 'LOWEST'

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.loaded = (0, 0)
        self.epoch_began = 0  # at which iteration
        self.whole: DataLoader | None = None  # of a stock loop that has the rest

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how far the epoch is."""
        loop, meta = runner.train_loop, checkpoint['meta']
        if isinstance(loop, EpochBasedTrainLoop):
            in_epoch = meta['epoch'] == loop.epoch  # else it is saved at the end of one
            done = meta['iter'] - self.epoch_began if in_epoch else 0
            whole = loop.dataloader if self.whole is None else self.whole
            meta[KEY] = (done, len(whole))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read how far it was."""
        self.loaded = checkpoint.get('meta', {}).get(KEY, (0, 0))

    def before_train(self, runner: Runner) -> None:
        """Tell the loop, or give a stock one the rest of the epoch."""
        for part in parts_of(runner.optim_wrapper):
            match_memory_formats(part.optimizer)
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or loop.iter == 0:
            return  # `load_from` takes the weights alone
        self.epoch_began = loop.iter
        loader = loop.dataloader
        if self.loaded[0] and not is_divisible(loader):
            runner.logger.warning(
                f'The epoch begins again, although {self.loaded[0]} of its batches are '
                f'done: {type(loader).__name__} of {type(loader.dataset).__name__} '
                'leaves out none. A torch DataLoader with a sampler resumes exactly'
            )
            return
        between_epochs = self.loaded[0] == 0
        done = 0 if between_epochs else self._done_of(len(loader), runner.logger)
        self.epoch_began -= done
        if isinstance(loop, ResumableEpochLoop):
            loop.resume(done, validate=between_epochs)
        elif between_epochs:
            validate_if_due(loop)
        else:
            self.whole, loop.dataloader = loader, rest_of(loader, done)

    def _done_of(self, now: int, logger: Logger) -> int:
        done, length = self.loaded
        if length != now:
            done = done * now // length
            logger.warning(
                f'An epoch had {length} batches and has {now}: the number of processes '
                f'or the batch size changed. It goes on with batch {done + 1}'
            )
        logger.info(f'Going on with batch {done + 1} of {now}')
        return done

    def after_train_epoch(self, runner: Runner) -> None:
        """The next epoch has all batches."""
        loop = runner.train_loop
        self.epoch_began = loop.iter
        if self.whole is not None:
            loop.dataloader, self.whole = self.whole, None
