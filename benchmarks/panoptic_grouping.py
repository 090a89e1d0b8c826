"""Time and memory of the grouping of Panoptic-DeepLab, compared with the direct form.

``python -m benchmarks.panoptic_grouping`` groups an image of Cityscapes, 1024x2048,
with 200 centres. The direct form, as in detectron2, computes all distances at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import torch
from torch import Tensor

from hrnet_mm.det.grouping import group_pixels

from .report import spread, table
from .timing import time_interleaved

SIZE = (1024, 2048)
CENTRES = 200
THINGS = 0.3  # share of the pixels


def _sample() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    centres = torch.rand(CENTRES, 2, generator=generator) * torch.tensor(SIZE)
    offsets = 30 * torch.randn(2, *SIZE, generator=generator)
    return centres, offsets, torch.rand(SIZE, generator=generator) < THINGS


def _grouped(centres: Tensor, offsets: Tensor, things: Tensor) -> Tensor:
    owners = torch.full(SIZE, -1)
    owners[things] = group_pixels(centres, offsets, torch.nonzero(things))
    return owners


def _direct(centres: Tensor, offsets: Tensor, things: Tensor) -> Tensor:
    places = torch.stack(torch.meshgrid(*map(torch.arange, SIZE), indexing='ij'))
    targets = (places + offsets).flatten(1).T
    distances = torch.norm(centres[:, None] - targets, dim=-1)
    return distances.argmin(dim=0).view(SIZE).where(things, -1)


FORMS = dict(ours=_grouped, direct=_direct)


def _memory(name: str) -> float:
    # what a form needs besides its input, in GiB
    inputs = _sample()
    Path('/proc/self/clear_refs').write_text('5')  # the peak so far
    before = _peak()
    FORMS[name](*inputs)
    return (_peak() - before) / 2**20


def _peak() -> int:
    status = Path('/proc/self/status').read_text()
    (peak,) = re.findall(r'VmHWM:\s+(\d+)', status)
    return int(peak)  # KiB


@click.command()
@click.option('--rounds', default=1, show_default=True)
def main(rounds: int) -> None:
    """Time both forms, and measure their memory."""
    inputs = _sample()
    same = (_grouped(*inputs) == _direct(*inputs)).float().mean()
    forms: dict[str, Callable[[], Tensor]] = {
        name: partial(form, *inputs) for name, form in FORMS.items()
    }
    times = time_interleaved(forms, rounds, lambda name: None)
    rows = [
        (name, spread(times[name].seconds, '.2f'), f'{_memory(name):.2f}')
        for name in FORMS
    ]
    click.echo(f'{torch.get_num_threads()} threads; {same:.6f} of the pixels are equal')
    click.echo(table(('form', 'seconds', 'GiB'), rows))


if __name__ == '__main__':
    main()
