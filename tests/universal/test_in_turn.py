"""Batches with samples of several data sets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from mmengine import dist
from mmengine.dataset import BaseDataset, DefaultSampler, sampler
from mmengine.hooks import DistSamplerSeedHook
from mmengine.registry import DATASETS, TRANSFORMS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from same_images import ANY, IMAGE, LOAD, PACK, import_tasks, task_data

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.engine import SeededSampler
from hrnet_mm.engine.resume import skip_batches
from hrnet_mm.universal import DatasetsInTurn, OneTask, TaskBatchSampler

LONG, SHORT = 23, 5  # samples
SIZES = dict(scenes=4, faces=2)  # samples in a batch


@DATASETS.register_module()
class Counted(CheckedData, BaseDataset):
    """Samples that are numbers, without files."""

    contents = 'number'
    by_pixel = False

    def __init__(self, size: int, **kwargs: Any) -> None:
        self.size = size
        facts = dict(classes=('any',))
        super().__init__(metainfo=facts, serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(number=number) for number in range(self.size)]


@TRANSFORMS.register_module()
class PackNumber:
    """Pack the number, and what the augmentation draws."""

    def __call__(self, results: dict) -> dict:
        sample = BaseDataElement(number=results['number'])
        return dict(inputs=torch.tensor(np.random.rand()), data_samples=sample)


def one_task(task: str, size: int) -> dict[str, Any]:
    data = dict(
        type='Counted',
        _scope_='mmengine',
        size=size,
        pipeline=[dict(type='PackNumber')],
    )
    return dict(type='hrnet_mm.OneTask', task=task, dataset=data)


def in_turn(long: int = LONG, short: int = SHORT) -> dict[str, Any]:
    datasets = dict(scenes=one_task('parts', long), faces=one_task('boxes', short))
    return dict(type='hrnet_mm.DatasetsInTurn', datasets=datasets)


@pytest.fixture
def rank(monkeypatch):
    """Make this process one of several."""

    def be(number: int, processes: int) -> None:
        monkeypatch.setattr(sampler, 'get_dist_info', lambda: (number, processes))

    return be


def loader(
    data: dict[str, Any] | None = None, sizes: Any = None, **changes: Any
) -> Any:
    config = dict(
        batch_size=sizes or SIZES,
        num_workers=0,
        dataset=data or in_turn(),
        sampler=dict(type='hrnet_mm.SeededSampler', shuffle=True),
        batch_sampler=dict(type='hrnet_mm.TaskBatchSampler'),
    )
    return Runner.build_dataloader(config | changes, seed=3)


def numbers(batch: dict[str, Any]) -> dict[str, list[int]]:
    """Return the numbers of a batch by their task."""
    found: dict[str, list[int]] = {}
    for sample in batch['data_samples']:
        (task,) = sample.tasks
        found.setdefault(task, []).append(sample.get(task).number)
    return found


def epoch_of(data: Any, epoch: int = 0) -> list[tuple[dict, list[float]]]:
    data.batch_sampler.sampler.set_epoch(epoch)
    return [(numbers(batch), torch.stack(batch['inputs']).tolist()) for batch in data]


def test_every_batch_has_samples_of_every_data_set():
    batches = epoch_of(loader())
    assert len(batches) == len(loader()) == 6
    for found, _ in batches:
        assert {task: len(them) for task, them in found.items()} == dict(
            parts=4, boxes=2
        )


def test_the_longest_data_set_ends_the_epoch_and_others_begin_again():
    found = [found for found, _ in epoch_of(loader())]
    parts = [number for batch in found for number in batch['parts']]
    boxes = [number for batch in found for number in batch['boxes']]
    assert sorted(parts[:LONG]) == [*range(LONG)]
    rounds = [boxes[start : start + SHORT] for start in range(0, len(boxes), SHORT)]
    assert [sorted(it) for it in rounds[:2]] == [[*range(SHORT)]] * 2
    assert rounds[0] != rounds[1]
    # a data set whose samples are few in a batch can be the longest
    assert len(loader(sizes=dict(scenes=23, faces=1))) == 5


def test_an_epoch_depends_on_seed_and_number_only():
    data = loader()
    in_a_row = [epoch_of(data, epoch) for epoch in range(3)]
    assert epoch_of(loader(), 2) == in_a_row[2]
    assert in_a_row[0] != in_a_row[1]
    assert epoch_of(loader(num_workers=2), 1) == in_a_row[1]
    draws = [draw for epoch in in_a_row for _, batch in epoch for draw in batch]
    assert len({*draws}) == len(draws)  # also of a sample that comes twice


@pytest.mark.parametrize('processes', [2, 3])
def test_processes_share_the_samples(rank, processes):
    parts, boxes = Counter(), Counter()
    lengths = set()
    for number in range(processes):
        rank(number, processes)
        batches = epoch_of(loader())
        lengths.add(len(batches))
        for found, _ in batches:
            parts.update(found['parts'])
            boxes.update(found['boxes'])
    assert lengths == {-(-LONG // (SIZES['scenes'] * processes))}
    for drawn, size in ((parts, LONG), (boxes, SHORT)):
        # together they go through whole orders
        assert {*drawn} == {*range(size)}
        assert max(drawn.values()) - min(drawn.values()) <= 1


@pytest.mark.parametrize('done', [1, 2])
@pytest.mark.parametrize('processes', [1, 2])
def test_a_job_resumes_in_the_middle_of_an_epoch(rank, done, processes):
    rank(processes - 1, processes)
    whole = epoch_of(loader(), 1)
    rest = skip_batches(loader(), done)
    runner = type('Runner', (), {})()
    runner.train_loop, runner.epoch = type('Loop', (), dict(dataloader=rest)), 1
    DistSamplerSeedHook().before_train_epoch(runner)  # as a job does it
    assert len(rest) == len(whole) - done
    resumed = [
        (numbers(batch), torch.stack(batch['inputs']).tolist()) for batch in rest
    ]
    assert resumed == whole[done:]


def test_samples_keep_their_order_without_shuffling():
    ordered = dict(type='hrnet_mm.SeededSampler', shuffle=False)
    batches = epoch_of(loader(sampler=ordered))
    assert batches[1][0] == dict(parts=[4, 5, 6, 7], boxes=[2, 3])
    assert batches[2][0]['boxes'] == [4, 0]


@pytest.mark.parametrize('round_up', [True, False])
@pytest.mark.parametrize('processes', [1, 2, 5])
@pytest.mark.parametrize('long', [3, 4, 8])
def test_a_metric_gets_all_samples_of_its_data_set(
    rank, monkeypatch, tmp_path, round_up, processes, long
):
    """With the default sampler and ``num_samples``, in any number of processes."""
    data = DATASETS.build(in_turn(long=long))
    found: list[dict[str, list[int]]] = []
    for number in range(processes):
        rank(number, processes)
        indices = DefaultSampler(data, shuffle=False, round_up=round_up)
        samples = [data[index]['data_samples'] for index in indices]
        found.append(numbers(dict(data_samples=samples)))
    for task, facts in data.metainfo.items():
        size = facts['num_samples']
        monkeypatch.setattr(dist.dist, 'barrier', lambda: None)
        for number in reversed(range(processes)):
            info = (number, processes)
            monkeypatch.setattr(dist.dist, 'get_dist_info', lambda info=info: info)
            folder = tmp_path / task
            part = found[number].get(task, [])
            results = dist.collect_results_cpu(part, size, str(folder))
        assert sorted(results) == [*range(size)]


def test_each_task_has_its_metainfo():
    data = DATASETS.build(in_turn())
    assert data.metainfo == dict(
        parts=dict(classes=('any',), num_samples=LONG),
        boxes=dict(classes=('any',), num_samples=SHORT),
    )
    assert len(data) == LONG + SHORT
    assert numbers(dict(data_samples=[data[LONG]['data_samples']])) == dict(boxes=[0])


def test_images_with_several_tasks_are_augmented_alike_in_every_job(few_people):
    """Also beside a data set of one task."""
    faces = task_data(few_people)['objects']
    steps = [IMAGE, dict(type='hrnet_mm.LoadObjects'), *PACK['objects']]
    faces |= dict(type='hrnet_mm.TinyFaces', pipeline=steps)
    people = dict(
        type='hrnet_mm.SameImages',
        tasks=task_data(few_people),
        pipeline=[IMAGE, LOAD, ANY, PACK],
    )
    datasets = dict(
        faces=dict(type='hrnet_mm.OneTask', task='faces', dataset=faces), people=people
    )
    import_tasks()
    collate = dict(type='hrnet_mm.collate')
    batches = [
        next(
            iter(
                loader(
                    dict(type='hrnet_mm.DatasetsInTurn', datasets=datasets),
                    dict(people=2, faces=1),
                    num_workers=workers,
                    collate_fn=collate,
                )
            )
        )
        for workers in (0, 2)
    ]
    one, other = batches
    assert one['inputs'].shape == (3, 3, 160, 192)
    assert torch.equal(one['inputs'], other['inputs'])
    tasks = [labels.tasks for labels in one['data_samples']]
    assert tasks == [['faces'], *[['joints', 'objects', 'parts']] * 2]


def test_a_task_has_one_data_set():
    datasets = dict(a=one_task('parts', 3), b=one_task('parts', 4))
    with pytest.raises(ValueError, match='a and b both have the task parts'):
        DatasetsInTurn(datasets)


def test_a_batch_needs_a_number_for_each_data_set():
    for sizes in (dict(scenes=4), dict(SIZES, more=1), dict(SIZES, faces=0), 8):
        with pytest.raises(ValueError, match='of the data sets scenes, faces'):
            loader(sizes=sizes)


def test_other_data_sets_are_refused():
    with pytest.raises(ValueError, match='not of a OneTask'):
        TaskBatchSampler(SeededSampler(OneTask(**_without_type(one_task('a', 3)))), {})


def _without_type(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != 'type'}
