"""Rendering of figures: body, clothes and face for a pose."""

from collections.abc import Iterable
from colorsys import hsv_to_rgb
from typing import NamedTuple

import numpy as np

from .renderer import Capsule, Sprite, render
from .skeleton import KEYPOINTS, POSES, Points, sample_pose

CLASSES = ('background', 'head', 'torso', 'arms', 'legs')
"""The classes of the label maps; the label of a pixel is an index of this tuple."""

_HEAD, _TORSO, _ARMS, _LEGS = range(1, 5)

_MIDDLE = (
    ('neck', 'head', 0.05, 0.05, 'skin', _HEAD),
    ('head', 'head', 0.105, 0.105, 'skin', _HEAD),
    ('crown', 'crown', 0.107, 0.107, 'hair', _HEAD),
    ('mouth', 'mouth', 0.021, 0.021, 'lips', _HEAD),
    ('nose', 'nose', 0.021, 0.021, 'nose', _HEAD),
    ('chest', 'waist', 0.122, 0.1, 'shirt', _TORSO),
    ('left_shoulder', 'right_shoulder', 0.048, 0.048, 'shirt', _TORSO),
    ('left_hip', 'right_hip', 0.068, 0.068, 'trousers', _LEGS),
    ('pelvis', 'pelvis', 0.104, 0.104, 'trousers', _LEGS),
)
_SIDE = (
    ('eye', 'eye', 0.021, 0.021, 'eyes', _HEAD),
    ('ear', 'ear', 0.027, 0.027, 'skin', _HEAD),
    ('shoulder', 'elbow', 0.058, 0.045, 'shirt', _ARMS),
    ('elbow', 'wrist', 0.043, 0.034, 'sleeve', _ARMS),
    ('wrist', 'hand', 0.036, 0.042, 'skin', _ARMS),
    ('hip', 'knee', 0.070, 0.056, 'trousers', _LEGS),
    ('knee', 'ankle', 0.050, 0.040, 'stocking', _LEGS),
    ('ankle', 'toe', 0.045, 0.040, 'shoes', _LEGS),
)
PARTS = _MIDDLE + tuple(
    (f'{side}_{start}', f'{side}_{end}', *rest)
    for side in ('left', 'right')
    for start, end, *rest in _SIDE
)
"""Capsules of the body: start, end, radius at both (relative to the height), colour,
label."""

LONG_HAIR = ('crown', 'nape', 0.095, 0.075, 'hair', _HEAD)

FACE = 5
"""The number of keypoints in the face; they come first."""

# Distance from the surface of the body to a keypoint inside, relative to the height. A
# larger distance means that something hides the keypoint.
_COVER = np.where(np.arange(len(KEYPOINTS)) < FACE, 0.06, 0.14)

SKINS = (
    (186, 213, 246), (150, 186, 232), (117, 158, 212), (84, 120, 176), (52, 76, 122),
)  # fmt: skip
HAIRS = ((30, 28, 32), (36, 58, 92), (92, 178, 226), (44, 92, 176), (168, 168, 172))


class Figure(NamedTuple):
    """A rendered figure.

    Args:
        pose: The name of the pose.
        height: The height of the upright figure in pixels.
        sprite: The rendered image.
        joints: (17, 2), x and y of the keypoints in pixels, in the coordinates of
            ``sprite.origin``.
        hidden: (17,), whether the body of the figure hides a keypoint.
    """

    pose: str
    height: float
    sprite: Sprite
    joints: np.ndarray
    hidden: np.ndarray


def sample_colour(rng: np.random.Generator) -> np.ndarray:
    """Sample a saturated colour: blue, green, red, 0 to 255."""
    hue, saturation, value = rng.random(3)
    rgb = hsv_to_rgb(hue, 0.25 + 0.5 * saturation, 0.4 + 0.55 * value)
    return 255 * np.array(rgb[::-1], np.float32)


def sample_skin_colour(rng: np.random.Generator) -> np.ndarray:
    """Sample a skin colour: blue, green, red, 0 to 255."""
    return np.array(rng.choice(SKINS) * rng.uniform(0.92, 1.05), np.float32)


def _sample_colours(rng: np.random.Generator) -> dict[str, np.ndarray]:
    skin = sample_skin_colour(rng)
    shirt, trousers = sample_colour(rng), sample_colour(rng)
    return {
        'skin': skin,
        'nose': skin * np.float32(0.85),
        'lips': skin * np.array([0.6, 0.5, 0.85], np.float32),
        'eyes': np.array([40, 30, 25], np.float32),
        'hair': np.array(rng.choice(HAIRS) * rng.uniform(0.85, 1.1), np.float32),
        'shirt': shirt,
        'sleeve': shirt if rng.random() < 0.5 else skin,
        'trousers': trousers,
        'stocking': trousers if rng.random() < 0.65 else skin,
        'shoes': sample_colour(rng) * np.float32(0.5),
    }


def _body_capsules(
    parts: Iterable[tuple], points: Points, colours: dict[str, np.ndarray],
    height: float, stoutness: float,
) -> list[Capsule]:  # fmt: skip
    return [
        Capsule(
            points[start], points[end],
            # stoutness would cover the keypoints of the face
            tuple(height * r * (1 if label == _HEAD else stoutness) for r in radii),
            colours[colour], label,
        )
        for start, end, *radii, colour, label in parts
    ]  # fmt: skip


def sample_figure(rng: np.random.Generator, height: float, light: np.ndarray) -> Figure:
    """Sample and render a figure.

    Args:
        rng: The random generator.
        height: The height of the upright figure in pixels.
        light: (3,), a unit vector towards the light.
    """
    pose = str(rng.choice(list(POSES)))
    points = sample_pose(rng, POSES[pose], height)
    parts = (*PARTS, LONG_HAIR) if rng.random() < 0.4 else PARTS
    stoutness = rng.uniform(1, 1.25)
    capsules = _body_capsules(parts, points, _sample_colours(rng), height, stoutness)
    sprite = render(capsules, light)

    joints = np.stack([points[name] for name in KEYPOINTS])
    x, y = np.rint(joints[:, :2] - sprite.origin).astype(int).T
    hidden = sprite.depth[y, x] - joints[:, 2] > _COVER * height * stoutness
    return Figure(pose, height, sprite, joints[:, :2], hidden)
