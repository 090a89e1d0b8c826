"""A resumed job trains on the batches that it would have had, and on no other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset

from hrnet_mm.engine.resume import KEY, ExactResumeHook, skip_batches

SAMPLES, SIZE, EPOCHS = 10, 2, 3
BATCHES = SAMPLES // SIZE  # of an epoch
OURS, STOCK = 'hrnet_mm.EpochLoop', 'EpochBasedTrainLoop'
number = itertools.count()
every_loop = pytest.mark.parametrize('loop', [OURS, STOCK])


class Interrupted(Exception):
    """Instead of a signal."""


class Numbers(Dataset):
    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict:
        return dict(number=index)


class Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, number: list, mode: str = 'tensor') -> dict[str, torch.Tensor]:
        return dict(loss=(self.weight - torch.tensor(number)).square().mean())

    def val_step(self, batch: Any) -> list:
        return [BaseDataElement()]


class Witness(Hook):
    """Notes what a job does; ends it after an iteration, or in a validation."""

    priority = 'LOWEST'

    def __init__(self, after: int | None, validating: int | None) -> None:
        self.after, self.validating = after, validating
        self.batches: list[tuple] = []
        self.places: list[int] = []
        self.validated: list[int] = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.batches.append((runner.epoch, runner.iter, *data_batch['number']))
        self.places.append(batch_idx)
        if runner.iter + 1 == self.after:
            self.end(runner, runner.iter + 1)

    def before_val(self, runner):
        if runner.epoch == self.validating:
            self.end(runner, runner.iter)
        self.validated.append(runner.epoch)

    def end(self, runner, iteration):
        meta = dict(epoch=runner.epoch, iter=iteration)
        runner.save_checkpoint(runner.work_dir, 'x.pth', meta=meta, by_epoch=False)
        raise Interrupted


def train(
    folder: Path,
    loop: str = OURS,
    *,
    resume: bool = False,
    load: bool = False,
    after: int | None = None,
    validating: int | None = None,
    enable: bool = True,
    loader: Any = None,
    **settings: Any,
) -> tuple[Witness, Runner]:
    """Train, maybe until an interruption, maybe from one on."""
    witness = Witness(after, validating)
    sampler = dict(type='DefaultSampler', shuffle=True)
    runner = Runner(
        Model(),
        str(folder),
        train_dataloader=loader
        or dict(
            dict(dataset=Numbers(), batch_size=SIZE, sampler=sampler, num_workers=0),
            **settings,
        ),
        val_dataloader=DataLoader([0]),
        val_evaluator=Evaluator([]),
        val_cfg=dict(),
        train_cfg=dict(type=loop, max_epochs=EPOCHS, val_interval=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            sampler_seed=dict(type='DistSamplerSeedHook'),
            checkpoint=dict(type='CheckpointHook', interval=1),
            exact_resume=dict(type='hrnet_mm.ExactResumeHook', enable=enable),
        ),
        custom_hooks=[witness],
        load_from=str(folder / 'x.pth') if resume or load else None,
        resume=resume,
        randomness=dict(seed=0),
        experiment_name=str(next(number)),  # mmengine keeps loggers by it
    )
    if after or validating:
        with pytest.raises(Interrupted):
            runner.train()
    else:
        runner.train()
    return witness, runner


def said(folder: Path) -> str:
    """Return all logs of a job."""
    return ''.join(log.read_text() for log in folder.glob('*/*.log'))


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory) -> tuple[Witness, Runner]:
    return train(tmp_path_factory.mktemp('undisturbed'))


@every_loop
@pytest.mark.parametrize('after', [1, BATCHES + 2, 2 * BATCHES])
@pytest.mark.parametrize('num_workers', [0, 1])  # persistent ones: test_faults.py
def test_it_trains_on_the_same_batches(loop, after, num_workers, undisturbed, tmp_path):
    before, _ = train(tmp_path, loop, after=after, num_workers=num_workers)
    later, runner = train(tmp_path, loop, resume=True, num_workers=num_workers)
    whole, reference = undisturbed
    assert before.batches + later.batches == whole.batches
    assert before.validated + later.validated == whole.validated == [2, 3]
    assert torch.equal(runner.model.weight, reference.model.weight)
    assert len(runner.train_dataloader) == BATCHES
    if loop == OURS:
        assert before.places + later.places == whole.places


@every_loop
def test_a_job_is_interrupted_more_than_once(loop, undisturbed, tmp_path):
    ends = [2, 4, BATCHES + 1]
    parts = [
        train(tmp_path, loop, resume=bool(i), after=end)[0]
        for i, end in enumerate([*ends, None])
    ]
    assert [b for part in parts for b in part.batches] == undisturbed[0].batches


@every_loop
@pytest.mark.parametrize('validating', [2, EPOCHS])
def test_a_validation_that_it_ended_in_is_run(loop, validating, undisturbed, tmp_path):
    before, _ = train(tmp_path, loop, validating=validating)
    assert torch.load(tmp_path / 'x.pth')['meta'][KEY] == (0, BATCHES)
    later, _ = train(tmp_path, loop, resume=True)
    assert before.batches + later.batches == undisturbed[0].batches
    assert before.validated + later.validated == [2, 3]


@every_loop
def test_a_checkpoint_of_the_end_of_an_epoch_begins_the_next(loop, tmp_path):
    before, _ = train(tmp_path, loop, after=BATCHES + 2)
    (tmp_path / 'epoch_1.pth').rename(tmp_path / 'x.pth')
    later, _ = train(tmp_path, loop, resume=True)
    assert later.batches[:2] == before.batches[BATCHES:]
    assert len(later.batches) == 2 * BATCHES


@every_loop
def test_another_batch_size_goes_on_at_the_same_share(loop, tmp_path):
    train(tmp_path, loop, after=3)
    later, _ = train(tmp_path, loop, resume=True, batch_size=1)
    assert 'An epoch had 5 batches and has 10' in said(tmp_path)
    assert 'Resuming at batch 7 of 10' in said(tmp_path)
    assert [b[0] for b in later.batches] == [0] * 4 + [1] * 10 + [2] * 10
    assert later.validated == [2, 3]


@every_loop
def test_less_than_a_batch_of_another_size_is_no_end_of_an_epoch(loop, tmp_path):
    train(tmp_path, loop, after=2 * BATCHES + 1)
    later, _ = train(tmp_path, loop, resume=True, batch_size=SAMPLES)
    assert [b[0] for b in later.batches] == [2]
    assert later.validated == [3]  # not 2 again


@every_loop
def test_switched_off_it_begins_the_epoch_again(loop, tmp_path):
    train(tmp_path, loop, after=3, enable=False)
    later, _ = train(tmp_path, loop, resume=True, enable=False)
    assert len(later.batches) == EPOCHS * BATCHES
    assert later.validated == [2, 3]


@every_loop
def test_weights_alone_begin_at_the_first_batch(loop, tmp_path):
    train(tmp_path, loop, after=3)
    later, _ = train(tmp_path, loop, load=True)
    assert len(later.batches) == EPOCHS * BATCHES
    assert later.validated == [2, 3]


@every_loop
def test_a_checkpoint_of_another_job_begins_an_epoch(loop, tmp_path):
    train(tmp_path, loop, validating=2, enable=False)  # without a note in it
    later, _ = train(tmp_path, loop, resume=True)
    assert len(later.batches) == BATCHES
    assert later.validated == [2, 3]


class ByParity(BatchSampler):
    """Batches that depend on what came before, as those of one aspect ratio."""

    def __iter__(self) -> Iterator[list[int]]:
        buckets: tuple[list, list] = [], []
        for index in self.sampler:
            bucket = buckets[index % 2]
            bucket.append(index)
            if len(bucket) == self.batch_size:
                yield bucket[:]
                bucket.clear()
        yield from filter(None, buckets)


def by_parity() -> DataLoader:
    sampler = DefaultSampler(Numbers(), seed=0)
    batches = ByParity(sampler, SIZE, drop_last=False)
    return DataLoader(sampler.dataset, batch_sampler=batches, collate_fn=pseudo_collate)


@every_loop
def test_any_batch_sampler_goes_on(loop, tmp_path):
    whole, _ = train(tmp_path / 'whole', loop, loader=by_parity())
    before, _ = train(tmp_path, loop, after=3, loader=by_parity())
    later, _ = train(tmp_path, loop, resume=True, loader=by_parity())
    assert before.batches + later.batches == whole.batches


class SpecialLoader(DataLoader):
    """A subclass may add batches to those of its samplers."""


@every_loop
def test_a_loader_of_another_kind_begins_the_epoch_again_and_says_so(loop, tmp_path):
    loader = SpecialLoader(Numbers(), SIZE, collate_fn=pseudo_collate)
    train(tmp_path, loop, after=3, loader=loader)
    later, _ = train(tmp_path, loop, resume=True, loader=loader)
    assert 'starts again, although 3 of its batches are done' in said(tmp_path)
    assert len(later.batches) == EPOCHS * BATCHES
    assert later.validated == [2, 3]


def test_loops_of_iterations_are_left_alone():
    optimizer = torch.optim.SGD(Model().parameters())
    loop = SimpleNamespace(iter=1)
    runner = SimpleNamespace(train_loop=loop, optim_wrapper=OptimWrapper(optimizer))
    checkpoint: dict = dict(meta=dict(epoch=0, iter=1))
    hook = ExactResumeHook()
    hook.before_save_checkpoint(runner, checkpoint)
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    assert KEY not in checkpoint['meta']


def test_the_rest_of_an_epoch_has_the_settings_of_the_whole():
    loader = DataLoader(
        Numbers(),
        SIZE,
        num_workers=1,
        collate_fn=list,
        prefetch_factor=3,
        multiprocessing_context='fork',
        persistent_workers=True,
    )
    rest = skip_batches(loader, 4)
    for _ in range(2):
        assert list(rest) == [[dict(number=8), dict(number=9)]]
    assert len(rest) == 1
    assert len(loader) == BATCHES
    assert rest.prefetch_factor == 3
    assert rest.multiprocessing_context is loader.multiprocessing_context
    assert not rest.persistent_workers
