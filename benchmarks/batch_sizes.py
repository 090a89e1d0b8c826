"""Sizes of the batches of a detector, and how many of them CUDA graphs replay.

``python -m benchmarks.batch_sizes instances_train2017.json`` reads the sizes of images
from an annotation file. Without one, they are drawn from ``SHARES``. Images are resized
to at most 1333x800 and batched by the sampler of MMDetection.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_mm.models.training_graph import STEADY

from .networks import Size
from .report import table

SCALE = (1333, 800)
DIVISORS = (32, 64, 128)
LIMITS = (8, 16, 32)

SHARES = {  # (longer, shorter side): per cent of landscape and portrait images
    (640, 480): (25, 7),
    (640, 427): (13, 3),
    (640, 426): (4, 3),
    (640, 428): (2, 1),
    (640, 425): (2, 1),
    (640, 424): (2, 1),
    (640, 478): (1, 3),
    (640, 360): (2, 1),
    (500, 375): (5, 5),
    (500, 333): (2, 1),
    (612, 612): (1, 0),
    (640, 640): (1, 0),
}
"""Assumed sizes of COCO images, after 80 images of val2017.

The others, 14 per cent, have a longer side of 640 and a shorter of 300 to 640, and 5 of
them are portraits.
"""
OTHERS = (9, 5)


def draw_sizes(number: int, seed: int = 0) -> list[Size]:
    """Return sizes of images, (height, width), drawn from ``SHARES``."""
    generator = random.Random(seed)
    rows: list[tuple[int, int | None, bool]] = []
    weights: list[int] = []
    for (longer, shorter), both in [*SHARES.items(), ((640, None), OTHERS)]:
        rows += [(longer, shorter, False), (longer, shorter, True)]
        weights += both
    sizes = []
    for longer, given, portrait in generator.choices(rows, weights, k=number):
        shorter = given or generator.randint(300, 640)
        sizes.append((longer, shorter) if portrait else (shorter, longer))
    return sizes


def read_sizes(path: Path) -> list[Size]:
    """Return the sizes, (height, width), of the annotated images of a COCO file.

    Raises:
        ValueError: if the file has no list of images with height and width.
    """
    try:
        content = json.loads(path.read_text())
        annotated = {it['image_id'] for it in content['annotations']}
        return [
            (it['height'], it['width'])
            for it in content['images']
            if it['id'] in annotated
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} is no annotation file of COCO ({error!r}): give one like '
            'instances_train2017.json'
        ) from error


def batches(sizes: Sequence[Size], samples: int, seed: int = 0) -> list[list[Size]]:
    """Return the batches of an epoch; sizes, (height, width), are those after resize.

    Args:
        sizes: Sizes of the images, (height, width).
        samples: Number of images of a batch.
        seed: Of the order of the images.
    """
    from mmcv import rescale_size
    from mmdet.datasets.samplers import AspectRatioBatchSampler
    from mmengine.dataset import DefaultSampler

    order = DefaultSampler(_Images(sizes), shuffle=True, seed=seed)
    resized = [rescale_size((w, h), SCALE)[::-1] for h, w in sizes]
    return [[resized[i] for i in it] for it in AspectRatioBatchSampler(order, samples)]


class _Images(Sequence[Size]):
    def __init__(self, sizes: Sequence[Size]) -> None:
        self._sizes = sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._sizes[index]

    def get_data_info(self, index: int) -> dict[str, int]:
        height, width = self._sizes[index]
        return dict(height=height, width=width)


def pad(batch: Sequence[Size], divisor: int) -> Size:
    """Return the size, (height, width), to which the images of a batch are padded."""
    heights, widths = zip(*batch, strict=True)
    return tuple(math.ceil(max(it) / divisor) * divisor for it in (heights, widths))


@dataclass(frozen=True)
class Padded:
    """Batches padded to a multiple of a divisor.

    Attributes:
        sizes: Number of images and size of each batch, (N, height, width).
        area: Pixels of all batches.
    """

    sizes: Sequence[tuple[int, ...]]
    area: int

    @classmethod
    def of(cls, given: Sequence[Sequence[Size]], divisor: int) -> Padded:
        """Pad batches of images of these sizes, (height, width)."""
        sizes = [(len(batch), *pad(batch, divisor)) for batch in given]
        return cls(sizes, sum(math.prod(size) for size in sizes))

    def replayed(self, limit: int) -> float:
        """Return the share of steps that a graph replays, if ``limit`` are captured."""
        return sum(self._replays(limit)) / len(self.sizes)

    def _replays(self, limit: int) -> Iterator[bool]:
        seen: Counter[tuple[int, ...]] = Counter()
        captured: set[tuple[int, ...]] = set()
        for size in self.sizes:
            seen[size] += 1
            if seen[size] >= STEADY and len(captured) < limit:
                captured.add(size)
            yield size in captured


def report(given: Sequence[Sequence[Size]]) -> str:
    """Return a table with a row for each divisor."""
    pixels = sum(h * w for batch in given for h, w in batch)
    padded = {divisor: Padded.of(given, divisor) for divisor in DIVISORS}
    rows = [
        [
            str(divisor),
            str(len(set(it.sizes))),
            *(f'{it.replayed(limit):.1%}' for limit in LIMITS),
            f'{it.area / pixels - 1:.1%}',
            f'{it.area / padded[DIVISORS[0]].area - 1:.1%}',
        ]
        for divisor, it in padded.items()
    ]
    limits = [f'replayed, {limit} sizes' for limit in LIMITS]
    extra = ['padding', f'more than with {DIVISORS[0]}']
    return table(['divisor', 'sizes', *limits, *extra], rows)


def main() -> None:
    """Print the table of an annotation file, or of drawn sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('annotations', type=Path, nargs='?')
    parser.add_argument('--images', type=int, default=117266, help='Drawn sizes.')
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    if args.annotations:
        try:
            sizes = read_sizes(args.annotations)
        except ValueError as error:
            parser.error(str(error))
    else:
        sizes = draw_sizes(args.images, args.seed)
    given = batches(sizes, args.batch, args.seed)
    print(f'{len(sizes)} images, {len(given)} batches of {args.batch}')
    print(report(given))


if __name__ == '__main__':
    main()
