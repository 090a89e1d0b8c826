"""Rendering of scenes: figures in front of a cluttered background."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from .figure import FACE, Figure, sample_colour, sample_figure, sample_skin_colour
from .renderer import Capsule, Sprite, render
from .skeleton import rotation

MIN_INSIDE = 0.92  # share of a figure that must be inside the image

PERSON = 1.7
"""The height of every person in metres.

The focal length is the shorter side of the image: a figure as high as that side is at a
distance of 1.7 m.
"""
NEAR, FAR = 5, 10
"""The distance of the background in metres at the bottom and the top of the image.

It is a plane, behind all figures: 1 / depth changes linearly from row to row.
"""


class SceneSettings(NamedTuple):
    """The number and size of the figures of a scene, and how they may overlap.

    Args:
        probabilities: The probability of each number of figures.
        heights: Minimum and maximum height of an upright figure, relative to the
            shorter side of the image.
        min_visible: The share of each figure that must be visible.
        tries: The maximum number of attempts to place the figures.
    """

    probabilities: dict[int, float]
    heights: tuple[float, float]
    min_visible: float
    tries: int


FEW = SceneSettings({1: 0.55, 2: 0.35, 3: 0.1}, (0.5, 0.85), 0.88, 12)
CROWD = SceneSettings({2: 0.4, 3: 0.4, 4: 0.2}, (0.45, 0.85), 0.75, 40)

_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
_CIRCLE = np.array(cv2.ellipse2Poly((0, 0), (256, 256), 0, 0, 360, 8)) / 256


class Person(NamedTuple):
    """The annotation of a figure in a scene.

    Args:
        pose: The name of the pose.
        keypoints: (17, 3), x and y in pixels and COCO's visibility: 0 not labelled,
            1 hidden, 2 visible.
        mask: (H, W), boolean, the visible pixels.
    """

    pose: str
    keypoints: np.ndarray
    mask: np.ndarray


class Scene(NamedTuple):
    """An image with its annotations.

    Args:
        image: (H, W, 3), uint8, blue, green, red.
        labels: (H, W), uint8, indices of ``figure.CLASSES``.
        depth: (H, W), float, metres from the camera along its axis.
        people: At least one person, from back to front.
    """

    image: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    people: list[Person]


class _Placed(NamedTuple):
    figure: Figure
    at: np.ndarray
    mask: np.ndarray

    def share(self, mask: np.ndarray) -> float:
        return mask.sum() / (self.figure.sprite.labels > 0).sum()


def _overlap(
    sprite: Sprite, at: np.ndarray, size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    # slices of the part of a sprite inside the image: in the image, and in the sprite
    extent = np.array(sprite.alpha.shape[::-1])
    low, high = np.clip(at, 0, size), np.clip(at + extent, 0, size)
    (x0, y0), (x1, y1) = low, high
    (u0, v0), (u1, v1) = low - at, high - at
    return (slice(y0, y1), slice(x0, x1)), (slice(v0, v1), slice(u0, u1))


def _paste(image: np.ndarray, sprite: Sprite, at: np.ndarray) -> None:
    # with a soft shadow on what is behind
    height, width = image.shape[:2]
    pad = 8
    cover = cv2.copyMakeBorder(sprite.alpha, *(pad,) * 4, cv2.BORDER_CONSTANT)
    shadow = sprite._replace(alpha=cv2.GaussianBlur(cover, (0, 0), 2.5))
    there, here = _overlap(shadow, at - pad + (3, 4), (width, height))
    image[there] *= 1 - 0.45 * shadow.alpha[here][..., None]
    there, here = _overlap(sprite, at, (width, height))
    image[there] *= 1 - sprite.alpha[here][..., None]
    image[there] += sprite.colour[here]


def _sample_noise(
    rng: np.random.Generator, size: tuple[int, int], cells: int
) -> np.ndarray:
    # smooth noise, about -1 to 1, independent for each colour channel
    grid = rng.normal(0, 0.5, size=(cells, cells, 3)).astype(np.float32)
    return cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)


def _draw_clutter(rng: np.random.Generator, image: np.ndarray) -> None:
    # a flat box, disc or line
    height, width = image.shape[:2]
    kind = rng.integers(3)
    extent = rng.uniform(0.04, 0.24, size=2) * min(width, height)
    if kind == 2:
        extent = extent * (5, 0.12)
    shape = (_SQUARE if kind else _CIRCLE) * extent
    turned = shape @ rotation('z', rng.uniform(0, 360))[:2, :2]
    corners = np.rint((turned + rng.random(2) * (width, height)) * 16).astype(np.int32)
    colour = sample_colour(rng) * rng.uniform(0.6, 1)
    cv2.fillPoly(image, [corners], colour.tolist(), cv2.LINE_AA, shift=4)


def _render_distractor(
    rng: np.random.Generator, unit: float, light: np.ndarray
) -> Sprite:
    # resembles a limb or a head, but is not labelled
    at, colour, capsules = np.zeros(3), sample_colour(rng), []
    for _ in range(rng.integers(1, 4)):
        step = rng.normal(0, 0.1, size=3) * unit
        radii = rng.uniform(0.035, 0.07, size=2) * unit
        tint = sample_skin_colour(rng) if rng.random() < 0.5 else colour
        capsules.append(Capsule(at, at + step, tuple(radii), tint, 1))
        at = at + step
    return render(capsules, light)


def _draw_background(
    rng: np.random.Generator,
    size: tuple[int, int],
    light: np.ndarray,
    heights: tuple[float, float],
) -> np.ndarray:
    width, height = size
    tint = 0.35 * sample_colour(rng) + rng.uniform(60, 150)
    tone = 40 * _sample_noise(rng, size, 3) + 16 * _sample_noise(rng, size, 12)
    wall = tint + tone.mean(axis=2, keepdims=True) * 1.4 + tone * 0.35
    flat = np.clip(wall, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(8, 21)):
        _draw_clutter(rng, flat)
    image = flat.astype(np.float32)
    for _ in range(rng.integers(1, 5)):
        unit = rng.uniform(*heights) * min(size)
        limb = _render_distractor(rng, unit, light)
        _paste(image, limb, rng.integers((-10, -10), (width - 10, height - 10)))
    return image


def _sample_position(
    rng: np.random.Generator, sprite: Sprite, size: tuple[int, int]
) -> np.ndarray:
    # of the first pixel of a sprite; if it fits, at most a tenth of it is outside
    extent = np.array(sprite.alpha.shape[::-1])
    room = np.array(size) - extent
    edge = 0.1 * extent
    low, high = np.minimum(-edge, room / 2), np.maximum(room + edge, room / 2)
    return np.rint(rng.uniform(low, high)).astype(int)


def _place(figure: Figure, at: np.ndarray, size: tuple[int, int]) -> _Placed:
    mask = np.zeros(size[::-1], bool)
    there, here = _overlap(figure.sprite, at, size)
    mask[there] = figure.sprite.labels[here] > 0
    return _Placed(figure, at, mask)


def _place_figures(
    rng: np.random.Generator,
    size: tuple[int, int],
    light: np.ndarray,
    settings: SceneSettings,
) -> list[_Placed]:
    # Each figure is in front of the earlier ones, and all must stay visible enough.
    placed: list[_Placed] = []
    counts, probabilities = zip(*settings.probabilities.items(), strict=True)
    planned = rng.choice(counts, p=probabilities)
    # an image has at least one figure, also if the planned number does not fit
    tries = settings.tries
    while tries > 0 or not placed:
        tries -= 1
        figure = sample_figure(rng, rng.uniform(*settings.heights) * min(size), light)
        at = _sample_position(rng, figure.sprite, size)
        new = _place(figure, at, size)
        left = [p._replace(mask=p.mask & ~new.mask) for p in placed]
        if new.share(new.mask) >= MIN_INSIDE and all(
            p.share(p.mask) >= settings.min_visible for p in left
        ):
            placed = [*left, new]
        if len(placed) == planned:
            break
    return placed


def _distances(placed: Sequence[_Placed], size: tuple[int, int]) -> list[float]:
    # The size of a figure tells its distance. One that is drawn in front of another one
    # is at most as far away.
    whole = [_place(p.figure, p.at, size).mask for p in placed]
    found: list[float] = []
    for number, (figure, *_) in enumerate(placed):
        behind = [i for i in range(number) if (whole[i] & whole[number]).any()]
        own = PERSON * min(size) / figure.height
        found.append(min([own, *(found[i] for i in behind)]))
    return found


def _draw_depth(placed: Sequence[_Placed], size: tuple[int, int]) -> np.ndarray:
    width, height = size
    rows = np.linspace(1 / FAR, 1 / NEAR, height)[:, None]
    depth = np.repeat(1 / rows, width, axis=1)
    distances = _distances(placed, size)
    for (figure, at, mask), distance in zip(placed, distances, strict=True):
        there, here = _overlap(figure.sprite, at, size)
        towards = figure.sprite.depth[here] * PERSON / figure.height
        # an edge pixel can be of the figure, but its sample of the surface not
        surface = distance - np.where(np.isfinite(towards), towards, 0)
        depth[there] = np.where(mask[there], surface, depth[there])
    return depth


def _to_person(placed: _Placed) -> Person:
    figure, mask = placed.figure, placed.mask
    height, width = mask.shape
    xy = figure.joints - figure.sprite.origin + placed.at
    inside = ((xy >= 0) & (xy <= (width - 1, height - 1))).all(axis=1)
    column, row = np.rint(np.where(inside[:, None], xy, 0)).astype(int).T
    visible = np.where(figure.hidden | ~mask[row, column], 1, 2)
    # the face is not visible from behind
    visible[:FACE][figure.hidden[:FACE]] = 0
    visible[~inside] = 0
    keypoints = np.where(visible[:, None] > 0, np.column_stack([xy, visible]), 0)
    return Person(figure.pose, keypoints, mask)


def draw_crossing(
    rng: np.random.Generator, size: tuple[int, int], frames: int
) -> Iterator[Scene]:
    """Render the frames of a video: two figures cross, one in front of the other.

    Args:
        rng: The random generator.
        size: Width and height in pixels.
        frames: The number of frames.
    """
    light = np.array([-0.15, -0.65, 0.65]) / np.linalg.norm([-0.15, -0.65, 0.65])
    background = _draw_background(rng, size, light, FEW.heights)
    figures = [sample_figure(rng, 0.6 * min(size), light) for _ in range(2)]
    for share in np.linspace(0, 1, frames):
        placed: list[_Placed] = []
        for figure, progress in zip(figures, (share, 1 - share), strict=True):
            extent = np.array(figure.sprite.alpha.shape[::-1])
            room = np.array(size) - extent
            at = np.rint(room * (progress, 0.5)).astype(int)
            new = _place(figure, at, size)
            placed = [p._replace(mask=p.mask & ~new.mask) for p in placed] + [new]
        yield _compose(rng, background.copy(), placed)


def draw_scene(
    rng: np.random.Generator, size: tuple[int, int], settings: SceneSettings = FEW
) -> Scene:
    """Render a scene.

    Args:
        rng: The random generator.
        size: Width and height in pixels.
        settings: The number and size of the figures.
    """
    light = np.array([rng.uniform(-0.6, 0.3), -0.65, 0.65])
    light /= np.linalg.norm(light)
    image = _draw_background(rng, size, light, settings.heights)
    return _compose(rng, image, _place_figures(rng, size, light, settings))


def _compose(
    rng: np.random.Generator, image: np.ndarray, placed: Sequence[_Placed]
) -> Scene:
    # draws the figures on a background, from back to front
    labels = np.zeros(image.shape[:2], np.uint8)
    for figure, at, mask in placed:
        _paste(image, figure.sprite, at)
        there, here = _overlap(figure.sprite, at, (image.shape[1], image.shape[0]))
        seen = mask[there]
        labels[there][seen] = figure.sprite.labels[here][seen]

    grain = rng.uniform(1, 5) * rng.standard_normal(image.shape, dtype=np.float32)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 0.6)) + grain
    image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    depth = _draw_depth(placed, (image.shape[1], image.shape[0]))
    return Scene(image, labels, depth, [_to_person(p) for p in placed])
