"""Testing with several scales and mirrored images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models import SegTTAModel as StockTTAModel

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class SegTTAModel(StockTTAModel):
    """mmsegmentation's, which takes a sigmoid twice where ``out_channels=1``."""

    def merge_preds(self, data_samples_list: list[list]) -> list:
        """The mean over scales and mirrorings."""
        if self.module.out_channels == 1:
            for samples in data_samples_list:
                for sample in samples:
                    sample.seg_logits.data = sample.seg_logits.data.logit()
        return super().merge_preds(data_samples_list)


@MODELS.register_module()
class SwappingTTAModel(SegTTAModel):
    """``SegTTAModel`` that knows left from right.

    In a mirrored image a left arm looks like a right one; mirroring the prediction back
    does not undo that.

    Args:
        swap_seg_labels: Pairs of labels that trade places, as in ``RandomFlip``.
        kwargs: As for ``SegTTAModel``.
    """

    def __init__(
        self, swap_seg_labels: Sequence[tuple[int, int]], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.swap_seg_labels = swap_seg_labels

    def merge_preds(self, data_samples_list: list[list]) -> list:
        """The mean over scales and mirrorings."""
        for samples in data_samples_list:
            for sample in samples:
                if sample.metainfo.get('flip'):
                    logits = sample.seg_logits.data
                    sample.seg_logits.data = logits[self.swapped(len(logits))]
        return super().merge_preds(data_samples_list)

    def swapped(self, num_classes: int) -> list[int]:
        """The classes, those of a pair in each other's place."""
        classes = list(range(num_classes))
        for a, b in self.swap_seg_labels:
            classes[a], classes[b] = classes[b], classes[a]
        return classes
