"""Large arrays of batches, on their way from a worker to the training process."""

from __future__ import annotations

import os
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from hrnet_mm.engine import shared_buffers
from hrnet_mm.engine.collating import SMALL, collate
from hrnet_mm.engine.shared_buffers import SharedBuffers, fetch


@pytest.fixture(autouse=True)
def _no_buffers(monkeypatch):
    monkeypatch.setattr(shared_buffers, '_received', {})


def image(value: float, dtype: str = 'uint8') -> np.ndarray:
    """An array of a value of each pixel."""
    return (np.arange(3 * 200 * 200).reshape(200, 200, 3) + value).astype(dtype)


class Images(Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict:
        whole = image(index)
        return dict(
            inputs=torch.from_numpy(whole[: 150 + index]).permute(2, 0, 1),
            masks=image(-index)[:, ::-1],
            heatmaps=torch.from_numpy(image(index, 'float32')),
            truth=torch.from_numpy(whole > 100),
            data_samples=index,
        )


@pytest.mark.parametrize('workers', [0, 1, 2])
def test_batches_stay_as_they_are_while_others_arrive(workers):
    data = Images()
    assert data[0]['inputs'].nbytes > SMALL
    loader = DataLoader(data, batch_size=2, num_workers=workers, collate_fn=collate)
    for epoch in range(2):
        batches = [*loader]
        for index, expected in enumerate(data[i] for i in range(len(data))):
            batch, place = batches[index // 2], index % 2
            for key in ('inputs', 'heatmaps', 'truth'):
                found = batch[key][place]
                assert found.stride() == expected[key].stride(), (epoch, key)
                assert torch.equal(found, expected[key])
                found.zero_()  # no read-only memory
            assert np.array_equal(batch['masks'][place], expected['masks'])


def test_a_buffer_is_used_again_once_its_content_is_copied():
    buffers = SharedBuffers()
    first, second = buffers.store(image(0)), buffers.store(image(1))
    assert first[0] != second[0]
    fetched = fetch(*first)
    third = buffers.store(image(2))
    assert third[0] == first[0]
    assert third[1] is None, 'its memory is sent once'
    assert np.array_equal(fetched, image(0))
    assert np.array_equal(fetch(*second), image(1))
    assert np.array_equal(fetch(*third), image(2))


def test_a_larger_buffer_replaces_one_that_is_too_small():
    buffers = SharedBuffers()
    for tiles in range(1, 30):
        large = np.tile(image(tiles), (tiles, 1, 1))
        assert np.array_equal(fetch(*buffers.store(large)), large)
    assert len(buffers._buffers) == len(shared_buffers._received) == 1


def test_the_memory_of_workers_that_ended_is_released():
    loader = DataLoader(Images(), batch_size=2, num_workers=1, collate_fn=collate)
    for _ in range(3):
        list(loader)
    assert len({process for process, _ in shared_buffers._received}) == 1


def has_none_of_its_parent(samples: list) -> dict:
    batch = collate(samples)
    ForkingPickler.dumps(batch)  # as the queue does it
    parents = [it for it in shared_buffers._received if it[0] == os.getppid()]
    return batch | dict(parents=len(parents))


def test_a_worker_keeps_no_memory_of_its_parent():
    shared_buffers._received[os.getpid(), 0] = torch.zeros(1)
    loader = DataLoader(
        Images(), batch_size=2, num_workers=1, collate_fn=has_none_of_its_parent
    )
    assert [batch['parents'] for batch in loader] == [0] * 4


def test_batches_arrive_if_no_shared_memory_is_left(monkeypatch):
    def refuse(tensor):
        raise RuntimeError('No space left on device (28)')

    monkeypatch.setattr(torch.Tensor, 'share_memory_', refuse)
    loader = DataLoader(Images(), batch_size=2, num_workers=1, collate_fn=collate)
    found = [image for batch in loader for image in batch['inputs']]
    assert torch.equal(found[5], Images()[5]['inputs'])


def test_only_a_worker_uses_the_buffers():
    """Another process may send a batch to several, which would free each other's."""
    batch = collate([Images()[0]])
    assert b'_fetch' not in bytes(ForkingPickler.dumps(batch))
