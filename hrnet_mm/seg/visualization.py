"""Pictures of label maps on any image."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmseg.visualization import SegLocalVisualizer

from hrnet_mm.registry import VISUALIZERS


@VISUALIZERS.register_module()
class SegVisualizer(SegLocalVisualizer):
    """``SegLocalVisualizer`` for images in any memory layout.

    The stock one draws on an array of the layout of the image, which OpenCV refuses if
    it is that of a tensor, as in MMSegmentation's ``browse_dataset``.
    """

    def _draw_sem_seg(self, image: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return super()._draw_sem_seg(np.ascontiguousarray(image), *args, **kwargs)
