"""Pictures of predictions while training, at a bounded cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer

from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class SparsePoseVisualizationHook(PoseVisualizationHook):
    """MMPose's hook, for the first image of every ``interval``-th batch only.

    The stock one, once enabled, reads every image in validation and draws every one in
    testing, which takes hours on COCO; so it is off by default, and nobody sees
    pictures. ``--show-dir`` sets the interval to 1.
    """

    interval: int

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction."""
        if batch_idx % self.interval == 0:
            # the stock hook counts from the training step, and would hit or miss
            interval, self.interval = self.interval, 1
            super().after_val_iter(runner, batch_idx, data_batch, outputs)
            self.interval = interval

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction, or with ``interval=1`` all."""
        if batch_idx % self.interval == 0:
            drawn = outputs if self.interval == 1 else outputs[:1]
            super().after_test_iter(runner, batch_idx, data_batch, drawn)


def draw_circles_with_numpy_scalars() -> None:
    """Let joints be drawn although mmpose 1.3 calls ``int`` on an array of one.

    numpy 2.4 refuses that, which would end training at the first validation.
    """
    original = OpencvBackendVisualizer.draw_circles
    if hasattr(original, 'takes_arrays'):
        return

    @wraps(original)
    def draw_circles(self: Any, center: Any, radius: Any, *args: Any, **kw: Any) -> Any:
        if self.backend == 'opencv':
            radius = float(np.ravel(radius)[0])
        return original(self, center, radius, *args, **kw)

    draw_circles.takes_arrays = True  # type: ignore[attr-defined]
    OpencvBackendVisualizer.draw_circles = draw_circles
