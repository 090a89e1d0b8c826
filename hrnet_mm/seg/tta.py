"""Test-time augmentation of segmentors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models import SegTTAModel as StockTTAModel

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class SegTTAModel(StockTTAModel):
    """MMSegmentation's ``SegTTAModel`` that also supports binary heads.

    The stock one applies the sigmoid twice if ``out_channels=1``.
    """

    def merge_preds(self, data_samples_list: list[list]) -> list:
        """Return samples with the mean over scales and flips."""
        if self.module.out_channels == 1:
            for samples in data_samples_list:
                for sample in samples:
                    sample.seg_logits.data = sample.seg_logits.data.logit()
        return super().merge_preds(data_samples_list)


@MODELS.register_module()
class SwappingTTAModel(SegTTAModel):
    """``SegTTAModel`` that swaps left and right classes of flipped images.

    In a flipped image a left arm looks like a right arm, which flipping the prediction
    back does not undo.

    Args:
        swap_seg_labels: Pairs of labels to swap, as in ``RandomFlip``.
        kwargs: Arguments of ``SegTTAModel``.
    """

    def __init__(
        self, swap_seg_labels: Sequence[tuple[int, int]], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.swap_seg_labels = swap_seg_labels

    def merge_preds(self, data_samples_list: list[list]) -> list:
        """Return samples with the mean over scales and flips."""
        for samples in data_samples_list:
            for sample in samples:
                if sample.metainfo.get('flip'):
                    logits = sample.seg_logits.data
                    sample.seg_logits.data = logits[self._swapped(len(logits))]
        return super().merge_preds(data_samples_list)

    def _swapped(self, num_classes: int) -> list[int]:
        classes = list(range(num_classes))
        for a, b in self.swap_seg_labels:
            classes[a], classes[b] = classes[b], classes[a]
        return classes
