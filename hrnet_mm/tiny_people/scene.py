"""Scenes: a cluttered background with figures before it."""

from typing import NamedTuple

import cv2
import numpy as np

from .figure import FACE, Figure, sample_figure, skin, vivid
from .renderer import Capsule, Sprite, model
from .skeleton import rotation

LEAST_INSIDE = 0.92  # of a figure; the rest is cut off by the edge of the image


class Casting(NamedTuple):
    """How many figures a scene has, and how they may hide each other.

    Args:
        shares: Of the images that a number of figures is planned for, by that number.
        heights: Of an upright figure, least and most, by the shorter side of the image.
        least_seen: Of a figure; the rest is cut off or behind others.
        tries: To place what is planned.
    """

    shares: dict[int, float]
    heights: tuple[float, float]
    least_seen: float
    tries: int


FEW = Casting({1: 0.55, 2: 0.35, 3: 0.1}, (0.5, 0.85), 0.88, 12)
CROWD = Casting({2: 0.4, 3: 0.4, 4: 0.2}, (0.45, 0.85), 0.75, 40)

_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
_CIRCLE = np.array(cv2.ellipse2Poly((0, 0), (256, 256), 0, 0, 360, 8)) / 256


class Person(NamedTuple):
    """A figure as it is seen in a scene.

    Args:
        pose: The name of its pose.
        keypoints: (17, 3), x, y and COCO's visibility: 0 not labelled, 1 hidden,
            2 visible.
        mask: (H, W), where it is seen.
    """

    pose: str
    keypoints: np.ndarray
    mask: np.ndarray


class Scene(NamedTuple):
    """An image and what is in it.

    Args:
        image: (H, W, 3), blue, green, red.
        labels: (H, W), indices of ``figure.CLASSES``.
        people: At least one, from back to front.
    """

    image: np.ndarray
    labels: np.ndarray
    people: list[Person]


class _Placed(NamedTuple):
    figure: Figure
    at: np.ndarray
    mask: np.ndarray

    def share(self, mask: np.ndarray) -> float:
        return mask.sum() / (self.figure.sprite.labels > 0).sum()


def _windows(
    sprite: Sprite, at: np.ndarray, size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a sprite's inside part is in an image of a size, and in the sprite."""
    extent = np.array(sprite.alpha.shape[::-1])
    low, high = np.clip(at, 0, size), np.clip(at + extent, 0, size)
    (x0, y0), (x1, y1) = low, high
    (u0, v0), (u1, v1) = low - at, high - at
    return (slice(y0, y1), slice(x0, x1)), (slice(v0, v1), slice(u0, u1))


def _paste(image: np.ndarray, sprite: Sprite, at: np.ndarray) -> None:
    """Paste a sprite with a soft shadow on what is behind it."""
    height, width = image.shape[:2]
    pad = 8
    cover = cv2.copyMakeBorder(sprite.alpha, *(pad,) * 4, cv2.BORDER_CONSTANT)
    shadow = sprite._replace(alpha=cv2.GaussianBlur(cover, (0, 0), 2.5))
    there, here = _windows(shadow, at - pad + (3, 4), (width, height))
    image[there] *= 1 - 0.45 * shadow.alpha[here][..., None]
    there, here = _windows(sprite, at, (width, height))
    image[there] *= 1 - sprite.alpha[here][..., None]
    image[there] += sprite.colour[here]


def _noise(rng: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    """Noise of a few waves per side, about -1 to 1, the same for no two colours."""
    grid = rng.normal(0, 0.5, size=(cells, cells, 3)).astype(np.float32)
    return cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)


def _clutter(rng: np.random.Generator, image: np.ndarray) -> None:
    """Draw a flat shape: a box, a disc or a line."""
    height, width = image.shape[:2]
    kind = rng.integers(3)
    extent = rng.uniform(0.04, 0.24, size=2) * min(width, height)
    if kind == 2:
        extent = extent * (5, 0.12)
    shape = (_SQUARE if kind else _CIRCLE) * extent
    turned = shape @ rotation('z', rng.uniform(0, 360))[:2, :2]
    corners = np.rint((turned + rng.random(2) * (width, height)) * 16).astype(np.int32)
    colour = vivid(rng) * rng.uniform(0.6, 1)
    cv2.fillPoly(image, [corners], colour.tolist(), cv2.LINE_AA, shift=4)


def _stray_limb(rng: np.random.Generator, unit: float, light: np.ndarray) -> Sprite:
    """Model something like a limb or a head, but of nobody."""
    at, colour, capsules = np.zeros(3), vivid(rng), []
    for _ in range(rng.integers(1, 4)):
        step = rng.normal(0, 0.1, size=3) * unit
        radii = rng.uniform(0.035, 0.07, size=2) * unit
        tint = skin(rng) if rng.random() < 0.5 else colour
        capsules.append(Capsule(at, at + step, tuple(radii), tint, 1))
        at = at + step
    return model(capsules, light)


def _background(
    rng: np.random.Generator,
    size: tuple[int, int],
    light: np.ndarray,
    heights: tuple[float, float],
) -> np.ndarray:
    width, height = size
    tint = 0.35 * vivid(rng) + rng.uniform(60, 150)
    tone = 40 * _noise(rng, size, 3) + 16 * _noise(rng, size, 12)
    wall = tint + tone.mean(axis=2, keepdims=True) * 1.4 + tone * 0.35
    flat = np.clip(wall, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(8, 21)):
        _clutter(rng, flat)
    image = flat.astype(np.float32)
    for _ in range(rng.integers(1, 5)):
        unit = rng.uniform(*heights) * min(size)
        limb = _stray_limb(rng, unit, light)
        _paste(image, limb, rng.integers((-10, -10), (width - 10, height - 10)))
    return image


def _position(
    rng: np.random.Generator, sprite: Sprite, size: tuple[int, int]
) -> np.ndarray:
    """Sample where the first pixel of a sprite comes: mostly inside."""
    extent = np.array(sprite.alpha.shape[::-1])
    room = np.array(size) - extent
    edge = 0.1 * extent
    low, high = np.minimum(-edge, room / 2), np.maximum(room + edge, room / 2)
    return np.rint(rng.uniform(low, high)).astype(int)


def _place(
    rng: np.random.Generator,
    size: tuple[int, int],
    light: np.ndarray,
    casting: Casting,
) -> list[_Placed]:
    """Place figures, each before the earlier ones, such that all are seen well."""
    placed: list[_Placed] = []
    numbers, shares = zip(*casting.shares.items(), strict=True)
    planned = rng.choice(numbers, p=shares)
    # The first figure of an image must find a place; of the others some do.
    tries = casting.tries
    while tries > 0 or not placed:
        tries -= 1
        figure = sample_figure(rng, rng.uniform(*casting.heights) * min(size), light)
        at = _position(rng, figure.sprite, size)
        mask = np.zeros(size[::-1], bool)
        there, here = _windows(figure.sprite, at, size)
        mask[there] = figure.sprite.labels[here] > 0
        new = _Placed(figure, at, mask)
        left = [p._replace(mask=p.mask & ~mask) for p in placed]
        if new.share(mask) >= LEAST_INSIDE and all(
            p.share(p.mask) >= casting.least_seen for p in left
        ):
            placed = [*left, new]
        if len(placed) == planned:
            break
    return placed


def _person(placed: _Placed) -> Person:
    figure, mask = placed.figure, placed.mask
    height, width = mask.shape
    xy = figure.joints - figure.sprite.origin + placed.at
    inside = ((xy >= 0) & (xy <= (width - 1, height - 1))).all(axis=1)
    column, row = np.rint(np.where(inside[:, None], xy, 0)).astype(int).T
    visible = np.where(figure.hidden | ~mask[row, column], 1, 2)
    # Nobody can tell where a nose is from behind.
    visible[:FACE][figure.hidden[:FACE]] = 0
    visible[~inside] = 0
    keypoints = np.where(visible[:, None] > 0, np.column_stack([xy, visible]), 0)
    return Person(figure.pose, keypoints, mask)


def draw_scene(
    rng: np.random.Generator, size: tuple[int, int], casting: Casting = FEW
) -> Scene:
    """Draw an image with its labels.

    Args:
        rng: Where the chances come from.
        size: Width and height in pixels.
        casting: Who is in it.
    """
    light = np.array([rng.uniform(-0.6, 0.3), -0.65, 0.65])
    light /= np.linalg.norm(light)
    image = _background(rng, size, light, casting.heights)
    labels = np.zeros(size[::-1], np.uint8)
    placed = _place(rng, size, light, casting)
    for figure, at, mask in placed:
        _paste(image, figure.sprite, at)
        there, here = _windows(figure.sprite, at, size)
        seen = mask[there]
        labels[there][seen] = figure.sprite.labels[here][seen]

    grain = rng.uniform(1, 5) * rng.standard_normal(image.shape, dtype=np.float32)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.6)) + grain
    image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return Scene(image, labels, [_person(p) for p in placed])
