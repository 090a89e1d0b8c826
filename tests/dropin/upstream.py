"""A pytest plugin: upstream's own test files meet the drop-in by upstream's names."""

from __future__ import annotations

import mmseg.models.backbones.hrnet as stock

import hrnet_mm.dropin  # noqa: F401
from hrnet_mm.dropin.mmseg import BILINEAR, HRNet
from hrnet_mm.models.arch import StageSpec
from hrnet_mm.models.hrnet import HRModule
from hrnet_mm.models.layers import Layers


class Asserting(HRNet):
    """Upstream asserts what is refused here with a message."""

    def __init__(self, *args, **kwargs) -> None:
        try:
            super().__init__(*args, **kwargs)
        except ValueError as error:
            raise AssertionError(error) from error


def module(
    num_branches, blocks, num_blocks, in_channels, num_channels, multiscale_output=True
):
    """Upstream's arguments of one module."""
    block = {1: 'BASIC', 4: 'BOTTLENECK'}[blocks.expansion]
    spec = StageSpec(1, block, num_blocks, num_channels)
    assert list(spec.out_channels) == in_channels
    layers = Layers(None, dict(type='BN'), BILINEAR, with_cp=False)
    return HRModule(spec, num_branches if multiscale_output else 1, layers)


stock.HRNet, stock.HRModule = Asserting, module
