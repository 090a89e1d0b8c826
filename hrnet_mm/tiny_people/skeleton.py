"""Poses of figures: 3D positions of keypoints.

A figure of height 1 stands with its hips at the origin: x to its left, y down, z to its
front. Seen from the front, its left is on the right of the image.
"""

from typing import NamedTuple

import numpy as np

KEYPOINTS = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
"""Names of the keypoints in the order of COCO."""

SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8),
    (7, 9), (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
"""Links of the skeleton as in COCO: pairs of keypoint numbers, from 1."""

Points = dict[str, np.ndarray]
"""Positions (x, y, z) of keypoints and other landmarks of a figure, by name."""


class Limb(NamedTuple):
    """The angles of the two bones of an arm or leg, in degrees; 0 is hanging down.

    Args:
        upper: Angles of the upper bone: away from the body, and forwards.
        lower: Angles of the lower bone, in the same frame as those of the upper one.
    """

    upper: tuple[float, float]
    lower: tuple[float, float]


class Pose(NamedTuple):
    """The limbs of a pose; either side of the body can be the leading one."""

    leading_arm: Limb
    arm: Limb
    leading_leg: Limb
    leg: Limb
    turn: float = 0


_HANGING = Limb((17, 0), (10, 15))
_RAISED = Limb((148, 0), (170, 0))
_BALANCING = Limb((65, 0), (78, 0))
_RESTING = Limb((12, 25), (4, 65))
_UPRIGHT = Limb((8, 2), (5, -2))
_SEATED = Limb((24, 75), (8, -2))

POSES = {
    'arms_up': Pose(_RAISED, _RAISED, _UPRIGHT, _UPRIGHT),
    'kicking': Pose(_BALANCING, _BALANCING, Limb((78, 0), (84, 0)), _UPRIGHT),
    'running': Pose(
        Limb((16, -50), (10, 35)),
        Limb((16, 45), (8, 115)),
        Limb((4, 65), (4, -15)),
        Limb((6, -22), (5, -70)),
        turn=40,
    ),
    'sitting': Pose(_RESTING, _RESTING, _SEATED, _SEATED),
    'standing': Pose(_HANGING, _HANGING, _UPRIGHT, _UPRIGHT),
    'waving': Pose(Limb((95, 0), (165, 0)), _HANGING, _UPRIGHT, _UPRIGHT),
}
"""The pose classes by name, in alphabetical order like the folders of a data set."""

SHARE_FROM_BEHIND = 0.12
CAMERA_PITCH = 12  # degrees from above, so that feet and seated legs are visible


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Return the (3, 3) matrix of a rotation about a coordinate axis."""
    i, j = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[axis]
    matrix = np.eye(3)
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return matrix


def _bone(side: int, sideways: float, forwards: float) -> np.ndarray:
    a, f = np.deg2rad([sideways, forwards])
    return np.array([side * np.sin(a), np.cos(a) * np.cos(f), np.cos(a) * np.sin(f)])


class _Sampler:
    """Samples the landmarks of one figure."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.points: Points = {}

    def length(self, mean: float) -> float:
        return mean * self.rng.uniform(0.9, 1.1)

    def torso(self) -> np.ndarray:
        """Add shoulders and hips; return the turn of the upper body."""
        lean = rotation('z', self.rng.normal(0, 5)) @ rotation(
            'x', self.rng.normal(-2, 5)
        )
        height, shoulder, hip = map(self.length, (0.27, 0.165, 0.085))
        self.points['pelvis'] = np.array([0, -0.025, 0])
        self.points['waist'] = np.array([0, -0.085, 0])
        self.points['chest'] = lean @ [0, 0.06 - height, 0]
        self.points['neck'] = lean @ [0, -height, 0]
        for name, side in (('left', 1), ('right', -1)):
            self.points[f'{name}_shoulder'] = lean @ [side * shoulder, -height, 0]
            self.points[f'{name}_hip'] = np.array([side * hip, 0, 0])
        return lean

    def head(self, lean: np.ndarray) -> None:
        """Add the landmarks of the head, which turns and tilts by itself."""
        turn = lean @ rotation('y', self.rng.normal(0, 11))
        turn = turn @ rotation('z', self.rng.normal(0, 7))
        radius = self.length(0.108)
        centre = self.points['neck'] + lean @ [0, -0.125, 0.02]
        for name, offset in {
            'head': (0, 0, 0), 'nose': (0, 0.12, 1.04), 'mouth': (0, 0.5, 0.82),
            'left_eye': (0.4, -0.14, 0.9), 'right_eye': (-0.4, -0.14, 0.9),
            'left_ear': (1, 0.05, 0), 'right_ear': (-1, 0.05, 0),
            'crown': (0, -0.28, -0.22), 'nape': (0, 0.9, -0.6),
        }.items():  # fmt: skip
            self.points[name] = centre + turn @ np.multiply(offset, radius)

    def limb(
        self, side: int, joints: tuple[str, str, str, str], angles: Limb,
        lengths: tuple[float, ...], frame: np.ndarray, last: float,
    ) -> None:  # fmt: skip
        """Add a limb from its first joint; ``last`` bends the hand or foot forwards."""
        name = 'left' if side > 0 else 'right'
        root, middle, end, tip = (f'{name}_{joint}' for joint in joints)
        swing = self.rng.normal(0, 8, size=2)
        upper = angles.upper + swing
        lower = angles.lower + swing + self.rng.normal(0, 9, size=2)
        at = self.points[root]
        bones = np.array([upper, lower, (lower[0], lower[1] + last)])
        for joint, (sideways, forwards), length in zip(
            (middle, end, tip), bones, lengths, strict=True
        ):
            at = at + frame @ _bone(side, sideways, forwards) * length
            self.points[joint] = at


def sample_pose(rng: np.random.Generator, pose: Pose, height: float) -> Points:
    """Sample the landmarks of a figure as a camera at the origin sees them.

    Args:
        rng: The random generator.
        pose: The pose of the figure.
        height: The height of the upright figure in pixels.

    Returns:
        The positions of all ``KEYPOINTS`` and some more landmarks, each (x, y, z) in
        pixels: x to the right, y down, z towards the viewer.
    """
    sampler = _Sampler(rng)
    lean = sampler.torso()
    sampler.head(lean)
    leading = rng.choice([1, -1])
    arms = tuple(map(sampler.length, (0.165, 0.15, 0.035)))
    legs = tuple(map(sampler.length, (0.225, 0.215, 0.075)))
    for side in (1, -1):
        arm = pose.leading_arm if side == leading else pose.arm
        leg = pose.leading_leg if side == leading else pose.leg
        sampler.limb(side, ('shoulder', 'elbow', 'wrist', 'hand'), arm, arms, lean, 0)
        sampler.limb(side, ('hip', 'knee', 'ankle', 'toe'), leg, legs, np.eye(3), 75)

    turn = rng.normal(0, 15) + pose.turn * rng.choice([1, -1])
    turn += 180 * (rng.random() < SHARE_FROM_BEHIND)
    roll = np.clip(rng.normal(0, 10), -25, 25)
    view = rotation('z', roll) @ rotation('x', CAMERA_PITCH) @ rotation('y', turn)
    return {name: height * view @ at for name, at in sampler.points.items()}
