"""When pictures are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.runner import Runner


class SparseVisualization:
    """Mixin for visualization hooks: the first image of each ``interval``-th batch.

    The stock ones, once enabled, read every image in validation and draw every one in
    testing, which takes hours on COCO; so they are off by default, and nobody sees
    pictures. Where the test has a folder to draw into (``--show-dir``), all are drawn.
    """

    interval: int
    test_out_dir: str | None = None

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction."""
        if batch_idx % self.interval == 0:
            # the stock hook counts from the training step, and would hit or miss
            interval, self.interval = self.interval, 1
            super().after_val_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, outputs
            )
            self.interval = interval

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction, or with ``interval=1`` all."""
        all_of_them = self.interval == 1 or self.test_out_dir is not None
        if all_of_them or batch_idx % self.interval == 0:
            drawn = outputs if all_of_them else outputs[:1]
            super().after_test_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, drawn
            )
