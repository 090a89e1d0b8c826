"""Identities of people and objects over the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from .predictor import Instances

MIN_OVERLAP = 0.15  # of an instance with the expected position of its track
MAX_MISSED = 30  # frames that a track lasts without an instance
MERGED = 0.5  # share of a missed track that an instance of another track covers
SPEED_MEMORY = 0.9  # share of the former speed in the new estimate
SPREAD = 0.1  # of a keypoint, relative to the size of its instance


@dataclass
class _Track:
    number: int
    box: np.ndarray
    keypoints: np.ndarray | None
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))
    missed: int = 0

    def expect(self) -> None:
        """Move the track to where it would be in the next frame."""
        self.missed += 1
        self._move(self.speed)

    def update(self, box: np.ndarray, keypoints: np.ndarray | None) -> None:
        """Set the position that was found."""
        error = _centre(box) - _centre(self.box)
        # the difference from the expected position, spread over the missed frames
        self.speed = self.speed + (1 - SPEED_MEMORY) * error / self.missed
        self.box, self.keypoints, self.missed = box, keypoints, 0

    def _move(self, step: np.ndarray) -> None:
        self.box = self.box + np.tile(step, 2)
        if self.keypoints is not None:
            self.keypoints = self.keypoints + step


class Tracker:
    """Assigns instances to tracks by the overlap of boxes and keypoints.

    Each track moves on with its mean speed, so that people who cross, or who are hidden
    for some frames, keep their numbers. While one instance covers two tracks, both move
    on as before. An assignment maximizes the sum of overlaps:
    the intersection over union of the boxes, averaged with the similarity of the
    keypoints if there are any (as OKS, with one spread for all keypoints).

    The trackers of other packages (ByteTrack, SORT) use boxes only, and those of two
    people who cross are nearly equal.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._last = 0

    def update(self, found: Instances, min_score: float) -> np.ndarray:
        """Return the number of the track of each instance of the next frame.

        Args:
            found: The instances of the frame.
            min_score: Instances with a lower score are not tracked.

        Returns:
            (N,), from 1; 0 for instances that are not tracked.
        """
        for track in self._tracks:
            track.expect()
        numbers = np.zeros(len(found.boxes), dtype=int)
        chosen = np.flatnonzero(found.scores >= min_score)
        overlaps = self._overlaps(found, chosen)
        pairs = [
            (self._tracks[row], chosen[column])
            for row, column in zip(*linear_sum_assignment(-overlaps), strict=True)
            if overlaps[row, column] >= MIN_OVERLAP
        ]
        matched = [track.number for track, _ in pairs]
        missed = [track for track in self._tracks if track.number not in matched]
        for track, index in pairs:
            numbers[index] = track.number
            box = found.boxes[index]
            if any(_covered(other.box, box) > MERGED for other in missed):
                track.missed = (
                    0  # one instance for two people: where each is, is unknown
                )
            else:
                track.update(box, _keypoints(found, index))
        for index in chosen[numbers[chosen] == 0]:
            numbers[index] = self._start(found.boxes[index], _keypoints(found, index))
        self._tracks = [track for track in self._tracks if track.missed <= MAX_MISSED]
        return numbers

    def _start(self, box: np.ndarray, keypoints: np.ndarray | None) -> int:
        self._last += 1
        self._tracks.append(_Track(self._last, box, keypoints))
        return self._last

    def _overlaps(self, found: Instances, chosen: np.ndarray) -> np.ndarray:
        # (tracks, chosen instances)
        overlaps = np.zeros((len(self._tracks), len(chosen)))
        for row, track in enumerate(self._tracks):
            for column, index in enumerate(chosen):
                overlap = _box_overlap(track.box, found.boxes[index])
                if found.keypoints is not None and track.keypoints is not None:
                    overlap += _keypoint_overlap(track, found.keypoints[index])
                    overlap /= 2
                overlaps[row, column] = overlap
        return overlaps


def _keypoints(found: Instances, index: int) -> np.ndarray | None:
    return None if found.keypoints is None else found.keypoints[index]


def _centre(box: np.ndarray) -> np.ndarray:
    return (box[:2] + box[2:]) / 2


def _area(box: np.ndarray) -> float:
    return float(np.clip(box[2:] - box[:2], 0, None).prod())


def _shared_area(a: np.ndarray, b: np.ndarray) -> float:
    return _area(np.r_[np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])])


def _covered(box: np.ndarray, by: np.ndarray) -> float:
    # share of a box that another one covers
    return _shared_area(box, by) / max(_area(box), 1e-9)


def _box_overlap(a: np.ndarray, b: np.ndarray) -> float:
    shared = _shared_area(a, b)
    return shared / max(_area(a) + _area(b) - shared, 1e-9)


def _keypoint_overlap(track: _Track, keypoints: np.ndarray) -> float:
    size = np.sqrt(np.clip(track.box[2:] - track.box[:2], 1, None).prod())
    distances = np.linalg.norm(track.keypoints - keypoints, axis=1) / size
    return float(np.exp(-((distances / SPREAD) ** 2) / 2).mean())
