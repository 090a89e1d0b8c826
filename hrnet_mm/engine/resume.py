"""A loop and a hook that resume in the middle of an epoch."""

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

from .optimizers import match_memory_formats, optim_wrappers_of
from .optional_hook import OptionalHook

KEY = 'batches_of_epoch'  # in `meta` of a checkpoint: (batches done, batches)


class _RemainingBatches:
    # A batch sampler that skips the first `done` batches of each epoch.
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


def skip_batches(loader: DataLoader, done: int) -> DataLoader:
    """Return a loader that skips the first batches of an epoch without loading them.

    Args:
        loader: A loader of whole epochs with a batch sampler.
        done: The number of batches to skip.

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
        batch_sampler=_RemainingBatches(loader.batch_sampler, done),
        **{name: getattr(loader, name) for name in settings},
    )


def _can_skip_batches(loader: Any) -> bool:
    return (
        type(loader) is DataLoader
        and loader.batch_sampler is not None
        and not isinstance(loader.dataset, IterableDataset)
    )


def _validate_if_due(loop: EpochBasedTrainLoop) -> None:
    loop._decide_current_val_interval()
    due = loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs
    if due and loop.epoch >= loop.val_begin and loop.runner.val_loop is not None:
        loop.runner.val_loop.run()


class ResumableEpochLoop(EpochBasedTrainLoop):
    """``EpochBasedTrainLoop`` that can resume in the middle of an epoch.

    ``ExactResumeHook`` stores the number of completed batches in checkpoints and calls
    ``resume``. Without that hook a resumed job starts its epoch again.
    """

    _first_batch = 0  # index in the next epoch
    _validates_first = False

    def resume(self, done: int, *, validate: bool) -> None:
        """Skip the batches that were done before the job was interrupted.

        Args:
            done: The number of completed batches of the current epoch.
            validate: Whether to start with the validation of the last epoch, if one is
                due: a job that ended between two epochs may not have completed it.
        """
        self._first_batch = done
        self._validates_first = validate

    def run(self) -> nn.Module:
        """Train until ``max_epochs`` and return the model."""
        self.runner.call_hook('before_train')
        if self._validates_first:
            _validate_if_due(self)
        while self.epoch < self.max_epochs and not self.stop_training:
            self.run_epoch()
            _validate_if_due(self)
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Train for an epoch, or for the rest of an interrupted one."""
        first, self._first_batch = self._first_batch, 0
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        loader = skip_batches(self.dataloader, first) if first else self.dataloader
        for idx, batch in enumerate(loader, first):
            self.run_iter(idx, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@HOOKS.register_module()
class ExactResumeHook(OptionalHook):
    """Makes a resumed job continue with the next batch and skip no validation.

    The hook stores the number of completed batches in checkpoints and passes it to
    ``ResumableEpochLoop``, the base class of ``hrnet_mm.EpochLoop``. The stock
    ``EpochBasedTrainLoop`` gets a loader of the rest of the epoch instead; until that
    epoch ends, its log counts the remaining batches. ``IterBasedTrainLoop`` resumes
    exactly by itself.

    The state of the optimizer gets the memory format that the weights have on this
    device.
    """

    priority = 'LOWEST'

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.loaded = (0, 0)
        self.epoch_began = 0  # the iteration
        # the loader of whole epochs, while a stock loop has one of the rest
        self.whole: DataLoader | None = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store how many batches of the epoch are done."""
        loop, meta = runner.train_loop, checkpoint['meta']
        if isinstance(loop, EpochBasedTrainLoop):
            in_epoch = meta['epoch'] == loop.epoch  # else it is saved at the end of one
            done = meta['iter'] - self.epoch_began if in_epoch else 0
            whole = loop.dataloader if self.whole is None else self.whole
            meta[KEY] = (done, len(whole))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read how many batches of the epoch were done."""
        self.loaded = checkpoint.get('meta', {}).get(KEY, (0, 0))

    def before_train(self, runner: Runner) -> None:
        """Make the loop skip the completed batches."""
        for part in optim_wrappers_of(runner.optim_wrapper):
            match_memory_formats(part.optimizer)
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or loop.iter == 0:
            return  # `load_from` loads only the weights
        self.epoch_began = loop.iter
        loader = loop.dataloader
        if self.loaded[0] and not _can_skip_batches(loader):
            runner.logger.warning(
                f'The epoch starts again, although {self.loaded[0]} of its batches are '
                f'done: {type(loader).__name__} of {type(loader.dataset).__name__} '
                'cannot skip batches. A torch DataLoader with a sampler resumes exactly'
            )
            return
        between_epochs = self.loaded[0] == 0
        done = 0 if between_epochs else self._done_of(len(loader), runner.logger)
        self.epoch_began -= done
        if isinstance(loop, ResumableEpochLoop):
            loop.resume(done, validate=between_epochs)
        elif between_epochs:
            _validate_if_due(loop)
        else:
            self.whole, loop.dataloader = loader, skip_batches(loader, done)

    def _done_of(self, now: int, logger: Logger) -> int:
        done, length = self.loaded
        if length != now:
            done = done * now // length
            logger.warning(
                f'An epoch had {length} batches and has {now}: the number of processes '
                f'or the batch size changed. The job resumes at batch {done + 1}'
            )
        logger.info(f'Resuming at batch {done + 1} of {now}')
        return done

    def after_train_epoch(self, runner: Runner) -> None:
        """Use all batches in the next epoch."""
        loop = runner.train_loop
        self.epoch_began = loop.iter
        if self.whole is not None:
            loop.dataloader, self.whole = self.whole, None
