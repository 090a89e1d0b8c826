"""Augmentation depends on seed, epoch and sample only."""

from __future__ import annotations

import pickle
import random

import numpy as np
from torch.utils.data import DataLoader, Dataset

from hrnet_mm.data.seeding import SeededIndex, SeededSampler, SeedSample


class Draws(Dataset):
    """A sample is what its augmentation would draw."""

    transform = SeedSample()

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index):
        self.transform(dict(sample_idx=index))
        return int(index), np.random.rand(), random.random()


def epoch(number: int, workers: int = 0, seed: int = 0) -> dict:
    data = Draws()
    sampler = SeededSampler(data, seed=seed)
    sampler.set_epoch(number)
    loader = DataLoader(
        data, batch_size=4, sampler=sampler, num_workers=workers, collate_fn=list
    )
    return {i: draws for batch in loader for i, *draws in batch}


def test_workers_do_not_change_it():
    assert epoch(0) == epoch(0, workers=2)


def test_a_later_epoch_alone_is_what_it_is_in_a_row():
    """A resumed job starts there."""
    in_a_row = [epoch(i) for i in range(3)]
    assert epoch(2) == in_a_row[2]


def test_epochs_seeds_and_samples_differ():
    first = epoch(0)
    assert first != epoch(1)
    assert first != epoch(0, seed=1)
    assert len({tuple(d) for d in first.values()}) == len(first)


def test_every_sample_comes_once_in_another_order():
    assert sorted(epoch(0)) == list(range(12))
    assert list(epoch(0)) != list(epoch(1))


def test_an_index_is_an_int_that_travels():
    index = SeededIndex(3, (0, 1, 3))
    copy = pickle.loads(pickle.dumps(index))
    assert copy == 3
    assert [10, 11, 12, 13][copy] == 13
    assert copy.seed == (0, 1, 3)


def test_an_index_of_another_sampler_leaves_the_state_alone():
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    SeedSample()(dict(sample_idx=3))
    assert np.random.rand() == expected


def test_data_sets_that_wrap_others_pass_the_seed_on():
    """As ``ConcatDataset`` and ``RepeatDataset`` of mmengine compute their indices."""
    index = SeededIndex(13, (0, 1, 13))
    for inner, expected in ((index - 10, 3), (index % 5, 3)):
        assert inner == expected
        assert inner.seed == index.seed
