"""Batches that workers send to the training process."""

from __future__ import annotations

import copy
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.structures import BaseDataElement, InstanceData
from torch.utils.data import DataLoader, Dataset

from hrnet_mm.engine.collating import SMALL, Batch, collate

TENSORS = dict(
    boxes=torch.arange(8.0).view(2, 4),
    turned=torch.arange(6).view(2, 3).t(),
    truth=torch.tensor([True, False]),
    scalar=torch.tensor(3),
    empty=torch.zeros(0, 4),
    half=torch.arange(4, dtype=torch.bfloat16),
    large=torch.arange(SMALL, dtype=torch.float32),
)


def sample(index: int, size: tuple[int, int] = (4, 6)) -> dict:
    data = BaseDataElement(metainfo=dict(index=index, outline=[1.5, 2.5]))
    data.gt_instances = InstanceData(keypoints=np.full((1, 17, 2), index))
    data.labels = BaseDataElement(
        **{name: tensor + index if tensor.is_floating_point() else tensor.clone()
           for name, tensor in TENSORS.items()}
    )  # fmt: skip
    image = torch.arange(3 * size[0] * size[1], dtype=torch.uint8).view(3, *size)
    return dict(inputs=image + index, data_samples=data)


class Samples(Dataset):
    def __init__(self, number: int, **kwargs) -> None:
        self.number, self.kwargs = number, kwargs

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict:
        return sample(index, **self.kwargs)


@pytest.mark.parametrize('workers', [0, 1])
def test_batches_are_those_of_mmengine(workers):
    data = Samples(6)
    ours = DataLoader(data, batch_size=3, num_workers=workers, collate_fn=collate)
    stock = DataLoader(data, batch_size=3, collate_fn=pseudo_collate)
    for batch, expected in zip(ours, stock, strict=True):
        assert torch.equal(batch['inputs'], torch.stack(expected['inputs']))
        pairs = zip(batch['data_samples'], expected['data_samples'], strict=True)
        for found, wanted in pairs:
            assert found.metainfo == wanted.metainfo
            assert np.array_equal(
                found.gt_instances.keypoints, wanted.gt_instances.keypoints
            )
            for name in TENSORS:
                assert torch.equal(found.labels.get(name), wanted.labels.get(name))
                assert found.labels.get(name).dtype == TENSORS[name].dtype
                found.labels.get(name).fill_(1)  # no read-only memory


def test_a_worker_sends_small_tensors_within_its_message():
    """Others have shared memory, which the training process opens one by one."""
    ours = bytes(ForkingPickler.dumps(Batch(labels=torch.zeros(8))))
    by_default = bytes(ForkingPickler.dumps(dict(labels=torch.zeros(8))))
    assert b'rebuild_storage' in by_default
    assert b'rebuild_storage' not in ours


def test_images_of_different_sizes_stay_a_list():
    batch = collate([sample(0), sample(1, size=(5, 6))])
    assert [tuple(image.shape) for image in batch['inputs']] == [(3, 4, 6), (3, 5, 6)]


def test_views_of_arrays_become_contiguous():
    """A batch in channels_last would set the memory format of the whole model."""
    arrays = [np.random.randint(0, 255, (4, 6, 3), np.uint8) for _ in range(2)]
    images = [torch.from_numpy(array).permute(2, 0, 1) for array in arrays]
    batch = collate([dict(sample(0), inputs=image) for image in images])['inputs']
    assert torch.equal(batch, torch.stack(images))
    assert batch.is_contiguous()


def test_copies_are_batches():
    batch = Batch(inputs=1)
    assert type(copy.copy(batch)) is type(copy.deepcopy(batch)) is Batch


def test_configs_find_it_by_its_name():
    assert FUNCTIONS.get('hrnet_mm.collate') is collate


def test_other_samples_are_collated_as_by_mmengine():
    """Two views of each image, and samples without labels."""
    views = [dict(inputs=(torch.zeros(3, 4, 4), torch.ones(3, 4, 4)))] * 2
    found, wanted = collate(views), pseudo_collate(views)
    assert [*found] == [*wanted]
    assert all(map(torch.equal, found['inputs'][1], wanted['inputs'][1]))
