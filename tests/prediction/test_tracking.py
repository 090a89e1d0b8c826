"""Identities of instances over the frames of a video."""

from __future__ import annotations

import cv2
import numpy as np

from hrnet_mm.prediction.predictor import Instances
from hrnet_mm.prediction.tracking import MAX_MISSED, Tracker
from hrnet_mm.tiny_people.scene import draw_crossing

SHAPE = np.array([(0.5, 0.1), (0.2, 0.4), (0.8, 0.4), (0.4, 0.9), (0.6, 0.9)])


def found(*corners: tuple[float, float], scores=None, keypoints=True) -> Instances:
    """People of 40 x 100 pixels, by their upper left corners."""
    at = np.array(corners, float).reshape(-1, 2)
    boxes = np.hstack([at, at + np.array([40, 100])])
    points = at[:, None] + SHAPE * (40, 100) if keypoints else None
    return Instances(boxes, np.array(scores or [0.9] * len(at)), points)


def test_two_people_who_cross_keep_their_numbers():
    for keypoints in (True, False):
        tracker, steps = Tracker(), 41
        for step in range(steps):
            left, right = (10 * step, 0), (400 - 10 * step, 4)
            people = (left, right) if step % 2 else (right, left)
            numbers = tracker.update(found(*people, keypoints=keypoints), 0.3)
            # the first frame has the person on the right first
            assert numbers.tolist() == ([2, 1] if step % 2 else [1, 2]), step


def test_figures_of_a_video_who_cross_keep_their_numbers():
    """One hides the other, so that boxes shrink and jump."""
    for seed in range(3):
        tracker, seen = Tracker(), {}
        rng = np.random.default_rng(seed)
        for scene in draw_crossing(rng, (160, 96), frames=50):
            shown = [p for p in scene.people if p.mask.sum() > 150]
            boxes = [cv2.boundingRect(p.mask.astype(np.uint8)) for p in shown]
            boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], float)
            points = np.stack([p.keypoints[:, :2] for p in shown])
            people = Instances(boxes, np.ones(len(shown)), points)
            for person, number in zip(shown, tracker.update(people, 0.3), strict=True):
                index = [p is person for p in scene.people].index(True)
                seen.setdefault(index, set()).add(number)
        assert seen in ({0: {1}, 1: {2}}, {0: {2}, 1: {1}}), seed


def test_a_person_who_is_hidden_for_some_frames_keeps_the_number():
    tracker = Tracker()
    for step in range(30):
        people = [(5 * step, 0)] if not 10 < step < 20 else []
        numbers = tracker.update(found(*people), 0.3)
        assert set(numbers) <= {1}


def test_a_person_elsewhere_is_new_and_old_tracks_end():
    tracker = Tracker()
    assert tracker.update(found((0, 0)), 0.3).tolist() == [1]
    assert tracker.update(found((300, 0)), 0.3).tolist() == [2]
    for _ in range(MAX_MISSED + 1):
        tracker.update(found(), 0.3)
    assert tracker.update(found((0, 0)), 0.3).tolist() == [3]


def test_instances_with_low_scores_are_not_tracked():
    people = found((0, 0), (300, 0), scores=[0.2, 0.9])
    assert Tracker().update(people, 0.3).tolist() == [0, 1]
