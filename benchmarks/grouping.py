"""How long it takes from maps to people, beside mmpose.

``python -m benchmarks.grouping``: both group the same maps in turns, people that
were planted in them, people who lack a third of their joints, and noise.
"""

from __future__ import annotations

from functools import partial

import click
import numpy as np
import torch
from mmpose.codecs import AssociativeEmbedding as MmposeEmbedding
from torch import Tensor

from hrnet_mm.pose.codecs import AssociativeEmbedding, gaussians

from .report import spread, table
from .timing import take_turns

JOINTS = 17
SIGMA = 4.0  # of the published 512 models in the image
VIEWS = 2  # an image and its mirror image

Maps = tuple[Tensor, Tensor]


def planted(people: int, size: tuple[int, int], lacking: float) -> Maps:
    """Heatmaps, (1, K, H, W), and tags, (1, L, K, H, W), of people.

    Args:
        people: How many.
        size: Width and height.
        lacking: The share of joints that are not there.
    """
    rng = np.random.default_rng(0)
    places = rng.integers(0, size, (people, JOINTS, 2))
    there = rng.random((people, JOINTS)) >= lacking
    heat = torch.from_numpy(gaussians(places, there, size, SIGMA))
    tags = torch.zeros(VIEWS, JOINTS, size[1], size[0])
    reach = 8
    for person, joint in np.ndindex(people, JOINTS):
        x, y = (places[person, joint] - reach).clip(0)
        tags[:, joint, y : y + 2 * reach, x : x + 2 * reach] = 3 * person
    return heat[None], tags[None]


def noise(size: tuple[int, int]) -> Maps:
    """What a network says that has not learned anything."""
    generator = torch.Generator().manual_seed(0)
    shape = (JOINTS, size[1], size[0])
    return (
        torch.rand(1, *shape, generator=generator),
        torch.randn(1, VIEWS, *shape, generator=generator),
    )


@click.command()
@click.option('--people', default=30, show_default=True)
@click.option('--size', nargs=2, default=(768, 512), show_default=True)
@click.option('--rounds', default=9, show_default=True)
def main(people: int, size: tuple[int, int], rounds: int) -> None:
    """Times of grouping people from heatmaps and tags, mmpose against hrnet_mm."""
    ours = AssociativeEmbedding(size, [size], SIGMA)
    theirs = MmposeEmbedding(
        size, size, decode_max_instances=30, decode_keypoint_order=[*range(JOINTS)]
    )
    cases = {
        f'{people} people, all joints': planted(people, size, 0),
        f'{people} people, a third of the joints lacking': planted(people, size, 1 / 3),
        'noise': noise(size),
    }
    click.echo(f'{size[0]}x{size[1]}, {VIEWS} views, {torch.get_num_threads()} threads')
    rows = []
    for name, (heat, tags) in cases.items():
        functions = {
            'ours': partial(ours.batch_decode, heat, tags),
            'theirs': partial(theirs.batch_decode, heat, tags.flatten(1, 2)),
        }
        times = take_turns(functions, rounds, lambda case: None)
        pairs = zip(times['theirs'].seconds, times['ours'].seconds, strict=True)
        ratios = [a / b for a, b in pairs]
        rows.append((name, spread(ratios, '.2f')))
    click.echo(table(('maps', 'mmpose / hrnet_mm'), rows))


if __name__ == '__main__':
    main()
