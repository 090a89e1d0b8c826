"""Clay: shaded, anti-aliased pictures of things made of tapered capsules.

Everything that is modelled here, a figure or a stray limb, is a list of
capsules in space: x to the right, y down, z towards the viewer, in pixels,
where the centre of the first pixel is at 0.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np

OVERSAMPLING = 2
AMBIENT, DIFFUSE = 0.55, 0.6


class Capsule(NamedTuple):
    """All points within a radius of a segment; the radius changes along it.

    Args:
        start: One end of the segment, (x, y, z).
        end: The other end; equal to ``start`` for a ball.
        radii: The radius at ``start`` and at ``end``.
        colour: Blue, green, red, 0 to 255.
        label: What it is part of, a positive number.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    colour: np.ndarray
    label: int

    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of all it covers, in whole pixels."""
        (r, s), (ax, ay, _), (bx, by, _) = self.radii, self.start, self.end
        left, top = floor(min(ax - r, bx - s)), floor(min(ay - r, by - s))
        return left, top, ceil(max(ax + r, bx + s)), ceil(max(ay + r, by + s))

    def points_out(self) -> bool:
        """Whether it points towards the viewer more than to any side."""
        x, y, z = np.abs(self.end - self.start)
        return z > max(x, y)

    def near_end(self) -> 'Capsule':
        """The ball at its end next to the viewer."""
        near = int(self.end[2] > self.start[2])
        ball = (self.start, self.end)[near]
        return self._replace(start=ball, end=ball, radii=(self.radii[near],) * 2)

    def scaled(self, factor: float, shift: np.ndarray) -> 'Capsule':
        """The same capsule at another scale, then moved."""
        return self._replace(
            start=self.start * factor + shift,
            end=self.end * factor + shift,
            radii=(self.radii[0] * factor, self.radii[1] * factor),
        )


class Sprite(NamedTuple):
    """A picture with a transparent ground, to be pasted into another.

    Args:
        colour: (h, w, 3), already multiplied with ``alpha``.
        alpha: (h, w), 0 to 1.
        labels: (h, w), the label of what covers most of a pixel, else 0.
        depth: (h, w), the z of the visible surface, else -inf.
        origin: Where in space its first pixel is, (x, y).
    """

    colour: np.ndarray
    alpha: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    origin: np.ndarray


class _Canvas:
    """The nearest surface at every sample: whose it is, how bright, how near."""

    def __init__(self, width: int, height: int, light: np.ndarray) -> None:
        self.owner = np.zeros((height, width), np.uint8)
        self.shade = np.zeros((height, width), np.float32)
        self.depth = np.full((height, width), -np.inf, np.float32)
        self.light = light.astype(np.float32)

    def draw(self, capsule: Capsule, owner: int) -> None:
        """Draw a capsule behind what is nearer and before what is not."""
        x0, y0, x1, y1 = capsule.box()
        px, py, pz = capsule.start.astype(np.float32)
        ax, ay, az = (capsule.end - capsule.start).astype(np.float32)
        first, last = np.array(capsule.radii, np.float32)
        x = np.arange(x0, x1 + 1, dtype=np.float32)[None, :] - px
        y = np.arange(y0, y1 + 1, dtype=np.float32)[:, None] - py

        span = ax * ax + ay * ay
        # A ball, as half of all capsules are, is quicker without a segment.
        t = np.clip((x * ax + y * ay) / span, 0, 1) if span else np.float32(0)
        radius = first + (last - first) * t
        x, y = x - t * ax, y - t * ay
        squared = radius * radius - x * x - y * y
        z = np.sqrt(np.maximum(squared, 0))
        depth = pz + t * az + z
        lx, ly, lz = self.light
        facing = np.maximum((x * lx + y * ly + z * lz) / radius, 0)

        window = slice(y0, y1 + 1), slice(x0, x1 + 1)
        seen = (squared > 0) & (depth > self.depth[window])
        np.copyto(self.owner[window], owner, where=seen)
        np.copyto(self.shade[window], AMBIENT + DIFFUSE * facing, where=seen)
        np.copyto(self.depth[window], depth, where=seen)


def model(capsules: Sequence[Capsule], light: np.ndarray) -> Sprite:
    """Make the picture of some capsules, seen along the z axis.

    Args:
        capsules: At most 255, in any order: the nearest surface is the one seen.
        light: Unit vector towards the light.
    """
    # Drawn along its axis, a capsule lacks the near end that hides the rest of it.
    capsules = [*capsules, *(c.near_end() for c in capsules if c.points_out())]
    boxes = np.array([c.box() for c in capsules])
    origin = boxes[:, :2].min(axis=0) - 1
    width, height = map(int, boxes[:, 2:].max(axis=0) + 2 - origin)

    k = OVERSAMPLING
    canvas = _Canvas(width * k, height * k, light)
    # Sample j of a pixel is at (j + 0.5) / k - 0.5 from the pixel's centre.
    shift = np.append((k - 1) / 2 - k * origin, 0)
    for owner, capsule in enumerate(capsules, start=1):
        canvas.draw(capsule.scaled(k, shift), owner)
    colours = np.array([(0, 0, 0), *(c.colour for c in capsules)], np.float32)
    labels = np.array([0, *(c.label for c in capsules)], np.uint8)

    label = labels.take(canvas.owner)
    shares = [_mean(label == i) for i in range(1, labels.max() + 1)]
    alpha = np.sum(shares, axis=0)
    main = np.where(alpha >= 0.5, np.argmax(shares, axis=0) + 1, 0)
    return Sprite(
        colour=_mean(colours.take(canvas.owner, axis=0) * canvas.shade[..., None]),
        alpha=alpha,
        labels=main.astype(np.uint8),
        depth=canvas.depth[::k, ::k] / k,
        origin=origin,
    )


def _mean(samples: np.ndarray) -> np.ndarray:
    """The mean of the samples of each pixel."""
    height, width = np.array(samples.shape[:2]) // OVERSAMPLING
    samples = samples.astype(np.float32)
    return cv2.resize(samples, (int(width), int(height)), interpolation=cv2.INTER_AREA)
