"""SwappingTTAModel swaps left and right classes of flipped images."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from hrnet_mm.seg import SwappingTTAModel


class Module(nn.Module):
    out_channels = 3

    def test_step(self, data):
        """Never called; mmengine looks for it."""


def prediction(logits: torch.Tensor, flip: bool) -> SegDataSample:
    sample = SegDataSample(metainfo=dict(flip=flip, img_path='a.jpg'))
    sample.seg_logits = PixelData(data=logits.clone())
    return sample


def merged(model, logits: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    samples = [prediction(logits, False), prediction(mirrored, True)]
    (result,) = model.merge_preds([samples])
    return result.pred_sem_seg.data


def test_left_and_right_are_swapped_in_flipped_predictions():
    logits = torch.zeros(3, 2, 2)
    logits[1] = 1.0  # perhaps a left arm
    mirrored = torch.zeros(3, 2, 2)
    mirrored[2] = 5.0  # surely a right arm, in a mirror
    knows = SwappingTTAModel(module=Module(), swap_seg_labels=[(1, 2)])
    assert (merged(knows, logits, mirrored) == 1).all()
    confused = SwappingTTAModel(module=Module(), swap_seg_labels=[])
    assert (merged(confused, logits, mirrored) == 2).all()
