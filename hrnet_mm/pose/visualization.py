"""Pictures of predictions while training, at a bounded cost."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.visualization.opencv_backend_visualizer import OpencvBackendVisualizer

from hrnet_mm.hooks import SparseVisualization
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class SparsePoseVisualizationHook(SparseVisualization, PoseVisualizationHook):
    """MMPose's hook at a bounded cost; its ``--show-dir`` sets the interval to 1."""


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
