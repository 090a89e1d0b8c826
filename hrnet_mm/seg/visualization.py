"""Pictures of label maps on any image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook as MmsegHook
from mmseg.visualization import SegLocalVisualizer

from hrnet_mm.pictures import read_picture
from hrnet_mm.registry import HOOKS, VISUALIZERS


@HOOKS.register_module()
class SegVisualizationHook(MmsegHook):
    """mmseg's hook, which also draws on what OpenCV cannot read in colour."""

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[Any],
        mode: str = 'val',
    ) -> None:
        is_due = self.every_n_inner_iters(batch_idx, self.interval)
        for output in outputs if self.draw and mode != 'train' and is_due else ():
            self._visualizer.add_datasample(
                f'{mode}_{Path(output.img_path).name}',
                read_picture(output.img_path)[..., ::-1],
                data_sample=output,
                show=self.show,
                wait_time=self.wait_time,
                step=runner.iter,
            )


@VISUALIZERS.register_module()
class SegVisualizer(SegLocalVisualizer):
    """``SegLocalVisualizer`` for images in any memory layout.

    The stock one draws on an array of the layout of the image, which OpenCV refuses if
    it is that of a tensor, as in MMSegmentation's ``browse_dataset``.
    """

    def _draw_sem_seg(self, image: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        return super()._draw_sem_seg(np.ascontiguousarray(image), *args, **kwargs)
