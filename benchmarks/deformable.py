"""Time of deformable convolutions on CPUs, compared with torchvision.

``python -m benchmarks.deformable`` runs forward and backward of a block of DEKR, and of
layers of detectors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
import torchvision
from mmcv import _ext
from mmcv.ops import deform_conv2d
from torch import Tensor

from .report import spread, table
from .timing import time_interleaved

CASES = {
    'DEKR W32, 17 groups of 15 channels, 128x128': (255, 17, (128, 128)),
    'DCN, 256 channels, 50x76': (256, 1, (50, 76)),
    'DCN, 128 channels, 100x152': (128, 1, (100, 152)),
    'DCN, 64 channels, 130x258': (64, 1, (130, 258)),
}
"""Channels, groups, and height and width, by what has them."""


def _step(convolve: Callable[[Tensor, Tensor, Tensor], Tensor], case: Any) -> None:
    channels, groups, size = case
    generator = torch.Generator().manual_seed(0)
    shapes = [
        (1, channels, *size),
        (1, 18 * groups, *size),
        (channels, channels // groups, 3, 3),
    ]
    image, offset, weight = (
        torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes
    )
    convolve(image, offset, weight).sum().backward()


def _ours(image: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    groups = offset.shape[1] // 18
    return deform_conv2d(image, offset, weight, 1, 1, 1, groups, groups)


@click.command()
@click.option('--rounds', default=5, show_default=True)
def main(rounds: int) -> None:
    """Time forward and backward, torchvision against hrnet_mm."""
    if 'hrnet_mm' not in Path(_ext.__file__).parts:
        raise click.ClickException('mmcv is compiled: set HRNET_MM_OPS=torchvision')
    click.echo(f'{torch.get_num_threads()} threads')
    rows = []
    for name, case in CASES.items():
        functions = {
            'ours': partial(_step, _ours, case),
            'theirs': partial(
                _step, partial(torchvision.ops.deform_conv2d, padding=1), case
            ),
        }
        times = time_interleaved(functions, rounds, lambda case: None)
        pairs = zip(times['theirs'].seconds, times['ours'].seconds, strict=True)
        rows.append((name, spread([a / b for a, b in pairs], '.2f')))
    click.echo(table(('layer', 'torchvision / hrnet_mm'), rows))


if __name__ == '__main__':
    main()
