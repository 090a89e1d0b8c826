"""Time of bottom-up grouping, compared with MMPose.

``python -m benchmarks.grouping`` decodes the same heatmaps and tags with both codecs:
synthetic instances, instances without a third of their keypoints, and noise.
"""

from __future__ import annotations

from functools import partial

import click
import numpy as np
import torch
from mmpose.codecs import AssociativeEmbedding as MmposeEmbedding
from torch import Tensor

from hrnet_mm.pose.codecs import AssociativeEmbedding, draw_gaussians

from .report import spread, table
from .timing import time_interleaved

KEYPOINTS = 17
SIGMA = 4.0  # in image pixels, as for the published models of 512 pixels
VIEWS = 2  # an image and its flipped copy

Maps = tuple[Tensor, Tensor]


def synthesize(people: int, size: tuple[int, int], missing: float) -> Maps:
    """Return heatmaps, (1, K, H, W), and tags, (1, L, K, H, W), of random instances.

    Args:
        people: Number of instances.
        size: Width and height of the maps.
        missing: Share of keypoints that are missing.
    """
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, size, (people, KEYPOINTS, 2))
    present = rng.random((people, KEYPOINTS)) >= missing
    heat = torch.from_numpy(draw_gaussians(pixels, present, size, SIGMA))
    tags = torch.zeros(VIEWS, KEYPOINTS, size[1], size[0])
    reach = 8
    for instance, keypoint in np.ndindex(people, KEYPOINTS):
        x, y = (pixels[instance, keypoint] - reach).clip(0)
        tags[:, keypoint, y : y + 2 * reach, x : x + 2 * reach] = 3 * instance
    return heat[None], tags[None]


def _noise(size: tuple[int, int]) -> Maps:
    generator = torch.Generator().manual_seed(0)
    shape = (KEYPOINTS, size[1], size[0])
    return (
        torch.rand(1, *shape, generator=generator),
        torch.randn(1, VIEWS, *shape, generator=generator),
    )


@click.command()
@click.option('--people', default=30, show_default=True)
@click.option('--size', nargs=2, default=(768, 512), show_default=True)
@click.option('--rounds', default=9, show_default=True)
def main(people: int, size: tuple[int, int], rounds: int) -> None:
    """Time the grouping of instances by tags, mmpose against hrnet_mm."""
    ours = AssociativeEmbedding(size, [size], SIGMA)
    theirs = MmposeEmbedding(
        size, size, decode_max_instances=30, decode_keypoint_order=[*range(KEYPOINTS)]
    )
    cases = {
        f'{people} instances, all keypoints': synthesize(people, size, 0),
        f'{people} instances, a third of the keypoints missing': synthesize(
            people, size, 1 / 3
        ),
        'noise': _noise(size),
    }
    click.echo(f'{size[0]}x{size[1]}, {VIEWS} views, {torch.get_num_threads()} threads')
    rows = []
    for name, (heat, tags) in cases.items():
        functions = {
            'ours': partial(ours.batch_decode, heat, tags),
            'theirs': partial(theirs.batch_decode, heat, tags.flatten(1, 2)),
        }
        times = time_interleaved(functions, rounds, lambda case: None)
        pairs = zip(times['theirs'].seconds, times['ours'].seconds, strict=True)
        ratios = [a / b for a, b in pairs]
        rows.append((name, spread(ratios, '.2f')))
    click.echo(table(('maps', 'mmpose / hrnet_mm'), rows))


if __name__ == '__main__':
    main()
