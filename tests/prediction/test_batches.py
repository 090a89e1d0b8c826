"""How many images a model gets at once, and how many cores."""

from __future__ import annotations

import pytest
import torch

from hrnet_mm.prediction.predictor import PIXELS, _batches
from hrnet_mm.prediction.run import _threads

CPU = PIXELS[1]


def sizes(*shapes: tuple[int, ...], batch: int | None = None) -> list[int]:
    samples = [dict(inputs=torch.empty(shape, device='meta')) for shape in shapes]
    return [len(chunk) for chunk in _batches(samples, batch, most=4, pixels=CPU)]


@pytest.mark.parametrize(
    ('shape', 'batch', 'expected'),
    [
        ((3, 160, 192), None, [4, 2]),
        ((3, 512, 512), None, [2, 2, 2]),
        ((3, 512, 1024), None, [1] * 6),
        ((3, 2048, 2048), None, [1] * 6),
        ((3, 2048, 2048), 3, [3, 3]),  # what the user asks for is done
        ((3, 8, 8), 1, [1] * 6),
    ],
)
def test_large_images_make_small_batches(shape, batch, expected):
    assert sizes(*[shape] * 6, batch=batch) == expected


def test_images_of_other_sizes_are_not_padded():
    assert sizes((3, 8, 8), (3, 8, 8), (3, 8, 16), (3, 8, 8)) == [2, 1, 1]


def test_threads_that_read_leave_the_cores_to_the_model():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with _threads(2) as pool:
            read = [pool.submit(torch.get_num_threads) for _ in range(4)]
            assert {it.result() for it in read} == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
