"""A renderer of tapered capsules with shading and anti-aliasing.

Coordinates are in pixels: x to the right, y down, z towards the viewer, with the centre
of the first pixel at 0.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np

OVERSAMPLING = 2
AMBIENT, DIFFUSE = 0.55, 0.6


class Capsule(NamedTuple):
    """All points within a radius of a segment; the radius is interpolated along it.

    Args:
        start: (3,), one end of the segment.
        end: (3,), the other end; equal to ``start`` for a ball.
        radii: The radius at ``start`` and at ``end``.
        colour: Blue, green, red, 0 to 255.
        label: The class, a positive number.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    colour: np.ndarray
    label: int

    def box(self) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom of the covered area, in whole pixels."""
        (r, s), (ax, ay, _), (bx, by, _) = self.radii, self.start, self.end
        left, top = floor(min(ax - r, bx - s)), floor(min(ay - r, by - s))
        return left, top, ceil(max(ax + r, bx + s)), ceil(max(ay + r, by + s))

    def faces_viewer(self) -> bool:
        """Return whether the capsule is longest along the viewing direction."""
        x, y, z = np.abs(self.end - self.start)
        return z > max(x, y)

    def near_end(self) -> 'Capsule':
        """Return the ball at the end that is nearer to the viewer."""
        near = int(self.end[2] > self.start[2])
        ball = (self.start, self.end)[near]
        return self._replace(start=ball, end=ball, radii=(self.radii[near],) * 2)

    def scaled(self, factor: float, shift: np.ndarray) -> 'Capsule':
        """Return the capsule after scaling and then shifting it."""
        return self._replace(
            start=self.start * factor + shift,
            end=self.end * factor + shift,
            radii=(self.radii[0] * factor, self.radii[1] * factor),
        )


class Sprite(NamedTuple):
    """A rendered image with transparent background.

    Args:
        colour: (h, w, 3), float, premultiplied with ``alpha``.
        alpha: (h, w), 0 to 1.
        labels: (h, w), uint8, the label that covers most of a pixel; 0 for background.
        depth: (h, w), z of the visible surface; -inf for background.
        origin: (2,), x and y of the first pixel.
    """

    colour: np.ndarray
    alpha: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    origin: np.ndarray


class _Canvas:
    """A z-buffer: index of the nearest capsule, its shade and its depth per sample."""

    def __init__(self, width: int, height: int, light: np.ndarray) -> None:
        self.owner = np.zeros((height, width), np.uint8)
        self.shade = np.zeros((height, width), np.float32)
        self.depth = np.full((height, width), -np.inf, np.float32)
        self.light = light.astype(np.float32)

    def draw(self, capsule: Capsule, owner: int) -> None:
        """Draw a capsule where it is nearer than what was drawn before."""
        x0, y0, x1, y1 = capsule.box()
        px, py, pz = capsule.start.astype(np.float32)
        ax, ay, az = (capsule.end - capsule.start).astype(np.float32)
        first, last = np.array(capsule.radii, np.float32)
        x = np.arange(x0, x1 + 1, dtype=np.float32)[None, :] - px
        y = np.arange(y0, y1 + 1, dtype=np.float32)[:, None] - py

        span = ax * ax + ay * ay
        # half of all capsules are balls, which do not need the projection
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


def render(capsules: Sequence[Capsule], light: np.ndarray) -> Sprite:
    """Render capsules along the z axis.

    Args:
        capsules: At most 255 capsules, in any order.
        light: (3,), a unit vector towards the light.
    """
    # `draw` misses the near end of a capsule along the viewing direction: add it
    capsules = [*capsules, *(c.near_end() for c in capsules if c.faces_viewer())]
    boxes = np.array([c.box() for c in capsules])
    origin = boxes[:, :2].min(axis=0) - 1
    width, height = map(int, boxes[:, 2:].max(axis=0) + 2 - origin)

    k = OVERSAMPLING
    canvas = _Canvas(width * k, height * k, light)
    # sample j of a pixel is at (j + 0.5) / k - 0.5 from the centre of the pixel
    shift = np.append((k - 1) / 2 - k * origin, 0)
    for owner, capsule in enumerate(capsules, start=1):
        canvas.draw(capsule.scaled(k, shift), owner)
    colours = np.array([(0, 0, 0), *(c.colour for c in capsules)], np.float32)
    labels = np.array([0, *(c.label for c in capsules)], np.uint8)

    label = labels.take(canvas.owner)
    shares = [_downsample(label == i) for i in range(1, labels.max() + 1)]
    alpha = np.sum(shares, axis=0)
    main = np.where(alpha >= 0.5, np.argmax(shares, axis=0) + 1, 0)
    return Sprite(
        colour=_downsample(
            colours.take(canvas.owner, axis=0) * canvas.shade[..., None]
        ),
        alpha=alpha,
        labels=main.astype(np.uint8),
        depth=canvas.depth[::k, ::k] / k,
        origin=origin,
    )


def _downsample(samples: np.ndarray) -> np.ndarray:
    height, width = np.array(samples.shape[:2]) // OVERSAMPLING
    samples = samples.astype(np.float32)
    return cv2.resize(samples, (int(width), int(height)), interpolation=cv2.INTER_AREA)
