"""Number of data loader workers that keep a device busy.

``python -m benchmarks.waiting --samples-per-second 420`` simulates training on a fast
device: each worker sleeps as long as a core takes for a sample (``python -m
benchmarks.loading``), and each step as long as the device takes for a batch. So many
workers can be tried on few cores. The transfer between processes is real, with the
collate function of mmengine and with ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import click
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader, Dataset

from hrnet_mm.engine import collate

from .processes import BATCH, STEP_SECONDS
from .report import table

IMAGE = (3, 256, 192)
KEYPOINTS = 17
COLLATE = dict(pseudo_collate=pseudo_collate, collate=collate)


class SlowSamples(Dataset):
    """Training samples of pose that each take a fixed time to load.

    Args:
        seconds: Time of a sample.
        number: Number of samples.
    """

    def __init__(self, seconds: float, number: int) -> None:
        self.seconds = seconds
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a sample after its time."""
        time.sleep(self.seconds)
        labels = BaseDataElement(
            keypoint_weights=torch.ones(1, KEYPOINTS),
            transformed_keypoints=torch.ones(1, KEYPOINTS, 2),
        )
        return dict(
            inputs=torch.zeros(IMAGE, dtype=torch.uint8),
            data_samples=BaseDataElement(gt_instance_labels=labels),
        )


def predict_workers(samples_per_second: float, batch: int, step: float) -> int:
    """Return the least number of workers that load as fast as the device trains."""
    return ceil(batch / step / samples_per_second)


def measure_waiting(
    workers: int,
    samples_per_second: float,
    batch: int,
    step: float,
    steps: int,
    function: Callable[[Any], Any] = collate,
) -> float:
    """Return the share of the time in which the simulated device waits for data."""
    loader = DataLoader(
        SlowSamples(1 / samples_per_second, batch * (steps + workers * 2)),
        batch_size=batch,
        num_workers=workers,
        collate_fn=function,
    )
    batches = iter(loader)
    for _ in range(workers):  # the first batches fill the queue
        next(batches)
    waited, start = 0.0, time.perf_counter()
    for _ in range(steps):
        before = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - before
        time.sleep(step)
    return waited / (time.perf_counter() - start)


@click.command(context_settings=dict(help_option_names=['-h', '--help']))
@click.option(
    '--samples-per-second', type=float, required=True, help='Of one core, measured.'
)
@click.option('--batch', type=click.IntRange(1), default=BATCH, show_default=True)
@click.option(
    '--step', type=float, default=STEP_SECONDS, show_default=True, help='Seconds.'
)
@click.option(
    '--workers',
    type=click.IntRange(1),
    multiple=True,
    help='The default is around the predicted number.',
)
@click.option('--steps', type=click.IntRange(1), default=40, show_default=True)
def main(
    samples_per_second: float,
    batch: int,
    step: float,
    workers: Sequence[int],
    steps: int,
) -> None:
    """Print the share of waiting for several numbers of workers."""
    predicted = predict_workers(samples_per_second, batch, step)
    click.echo(f'predicted: {predicted} workers for {batch / step:.0f} images/s')
    tried = workers or sorted(
        {1, ceil(predicted / 2), predicted, predicted + 1, 2 * predicted}
    )
    rows = []
    for number in tried:
        shares = [
            measure_waiting(number, samples_per_second, batch, step, steps, function)
            for function in COLLATE.values()
        ]
        rows.append((str(number), *(f'{share:.0%}' for share in shares)))
    click.echo(table(('workers', *(f'waiting, {name}' for name in COLLATE)), rows))


if __name__ == '__main__':
    main()
