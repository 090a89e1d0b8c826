"""Augmentation depends on seed, epoch and sample only."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.registry import DATASETS, TRANSFORMS
from torch.utils.data import DataLoader

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.engine.seeding import SeededIndex, SeededSampler, SeedSample, seed_once

SAMPLES = 12


class StockData(BaseDataset):
    """Samples without files."""

    def load_data_list(self) -> list[dict]:
        return [dict(number=i) for i in range(SAMPLES)]


@DATASETS.register_module()
class OurData(CheckedData, StockData):
    contents = 'number'
    by_pixel = False


@TRANSFORMS.register_module()
class Draw:
    """A transform that draws from both generators."""

    def __call__(self, results: dict) -> dict:
        draws = results.get('draws', [])
        return dict(results, draws=[*draws, np.random.rand(), random.random()])


@TRANSFORMS.register_module()
class Mosaic:
    """A transform that draws other images, too, as those of MMDetection."""

    def get_indexes(self, dataset: Any) -> list[int]:
        return [np.random.randint(len(dataset)) for _ in range(3)]

    def __call__(self, results: dict) -> dict:
        others = [d for other in results['mix_results'] for d in other['draws']]
        return dict(results, draws=results['draws'] + others)


def ours() -> BaseDataset:
    return OurData(pipeline=[Draw()])


def stock() -> BaseDataset:
    return StockData(pipeline=[SeedSample(), Draw()])


def ours_with_the_transform() -> BaseDataset:
    return OurData(pipeline=[Draw(), SeedSample(), Draw()])


def stock_with_two_transforms() -> BaseDataset:
    return StockData(pipeline=[SeedSample(), Draw(), SeedSample(), Draw()])


def ours_with_retries() -> BaseDataset:
    """A third of the samples are replaced by others, as where a crop has no object."""

    def refuse(results: dict) -> dict | None:
        return results if results['draws'][0] < 2 / 3 else None

    return OurData(pipeline=[Draw(), refuse], max_refetch=100)


def concatenated() -> Any:
    return ConcatDataset([ours(), ours()])


def repeated() -> Any:
    return RepeatDataset(ours(), times=2)


def combined() -> Any:
    wrappers = pytest.importorskip('mmpose.datasets')
    metainfo = dict(
        dataset_name='none', keypoint_info={}, skeleton_info={},
        joint_weights=[], sigmas=[],
    )  # fmt: skip
    draw = dict(type='mmengine.Draw')
    part = dict(type='mmengine.OurData', pipeline=[draw])
    return wrappers.CombinedDataset(metainfo, [part, part], pipeline=[draw])


def mixed() -> Any:
    wrappers = pytest.importorskip('mmdet.datasets')
    return wrappers.MultiImageMixDataset(ours(), [dict(type='mmengine.Mosaic')])


PLAIN = (ours, stock)
WRAPPED = (concatenated, repeated, combined, mixed)
SPECIAL = (ours_with_the_transform, stock_with_two_transforms, ours_with_retries)
every_kind = pytest.mark.parametrize(
    'make', [*PLAIN, *WRAPPED, *SPECIAL], ids=lambda make: make.__name__
)


def epoch(
    make: Callable[[], Any], number: int = 0, workers: int = 0, seed: int = 0
) -> dict[int, list[float]]:
    """Return what the augmentation of each index draws, in the order of the epoch."""
    np.random.seed(number + workers), random.seed(workers)  # the state of a process
    data = make()
    sampler = SeededSampler(data, seed=seed)
    sampler.set_epoch(number)
    indices = [int(index) for index in sampler]
    loader = DataLoader(
        data, batch_size=4, sampler=sampler, num_workers=workers, collate_fn=list
    )
    samples = [sample for batch in loader for sample in batch]
    return {i: s['draws'] for i, s in zip(indices, samples, strict=True)}


@every_kind
def test_workers_do_not_change_it(make):
    assert epoch(make) == epoch(make, workers=2)


@pytest.mark.parametrize('make', PLAIN)
def test_a_later_epoch_alone_is_what_it_is_in_a_row(make):
    """A resumed job starts there."""
    in_a_row = [epoch(make, i) for i in range(3)]
    assert epoch(make, 2) == in_a_row[2]


@pytest.mark.parametrize('make', PLAIN)
def test_epochs_and_seeds_differ(make):
    first = epoch(make)
    assert first != epoch(make, 1)
    assert first != epoch(make, seed=1)


@every_kind
def test_no_number_is_drawn_twice_in_an_epoch(make):
    """Neither by two samples nor by two transforms of one."""
    draws = [draw for sample in epoch(make).values() for draw in sample]
    assert len(draws) >= 2 * SAMPLES
    assert len(set(draws)) == len(draws)


def test_samples_are_not_correlated():
    """Neighbours in the order of indices, epochs and seeds are independent."""

    def draw(seed: int, number: int, index: int) -> tuple[float, float]:
        seed_once(SeededIndex(index, (seed, number, index)))
        return np.random.rand(), random.random()

    draws = np.array(
        [[[draw(s, e, i) for i in range(50)] for e in range(10)] for s in range(10)]
    )
    for axis in range(3):
        ahead, behind = (
            np.moveaxis(draws, axis, 0)[part].ravel()
            for part in (slice(1, None), slice(-1))
        )
        assert abs(np.corrcoef(ahead, behind)[0, 1]) < 0.05  # 4.7 sigma of 9000
    assert abs(np.corrcoef(draws[..., 0].ravel(), draws[..., 1].ravel())[0, 1]) < 0.07
    assert abs(draws.mean() - 0.5) < 0.015


def test_every_sample_comes_once_in_another_order():
    assert sorted(epoch(ours)) == list(range(SAMPLES))
    assert list(epoch(ours)) != list(epoch(ours, 1))


def test_an_index_is_an_int_that_travels():
    index = SeededIndex(3, (0, 1, 3))
    copy = pickle.loads(pickle.dumps(index))
    assert copy == 3
    assert [10, 11, 12, 13][copy] == 13
    assert copy.seed == (0, 1, 3)


@pytest.mark.parametrize('make', PLAIN)
def test_an_index_of_another_sampler_leaves_the_state_alone(make):
    data = make()
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    assert data[3]['draws'][0] == expected
