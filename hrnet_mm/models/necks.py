"""The representations read off the streams, which have C, 2C, 4C and 8C channels.

    V1   stream 0                                           C    pose
    V2   all streams, upsampled to 1/4 and concatenated     15C  segmentation, landmarks

Paper: https://arxiv.org/abs/1908.07919, section 3.2 and figure 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from hrnet_mm.registry import MODELS


def concat_streams(xs: Sequence[Tensor], align_corners: bool = False) -> Tensor:
    """(N, C, H, W), (N, 2C, H/2, W/2), ... -> (N, 15C, H, W)."""
    size = xs[0].shape[-2:]
    upsampled = [
        F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)
        for x in xs[1:]
    ]
    return torch.cat([xs[0], *upsampled], dim=1)


@MODELS.register_module()
class HRNetV1(BaseModule):
    """HRNetV1 representation; parameter-free.

    Stream 0 as a tuple of one: the heads of MMPose read the last entry of what they are
    given, which of four streams would be the one at 1/32. A trunk that serves nothing
    else is better built with ``multiscale_output=False``: it has no unused parameters.
    """

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Streams, high to low resolution -> (N, C, H/4, W/4)."""
        check_streams(self, xs)
        return (xs[0],)


@MODELS.register_module()
class HRNetV2(BaseModule):
    """HRNetV2 representation; parameter-free.

    Args:
        align_corners: Of the bilinear upsampling; the one that trunk, head and loss of
            the same model use.
    """

    def __init__(self, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor]:
        """Streams, high to low resolution -> (N, 15C, H/4, W/4)."""
        check_streams(self, xs)
        return (concat_streams(xs, self.align_corners),)


def check_streams(neck: BaseModule, xs: Sequence[Tensor]) -> None:
    """Refuse what no trunk returns; a bare tensor would be read as its first image."""
    if not isinstance(xs, list | tuple) or not xs:
        got = f'a tensor of shape {tuple(xs.shape)}' if hasattr(xs, 'shape') else xs
        raise ValueError(
            f'{type(neck).__name__} takes the tuple of streams that HRNet returns; '
            f'it got {got}'
        )
