"""The HRNet of other libraries, paired with the same network of hrnet_mm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.models import ARCHS, HRNet, HRNetC, HRNetV2p
from hrnet_mm.models.arch import as_extra

from .networks import Size
from .settling import settle

Pair = tuple[nn.Module, nn.Module]
BILINEAR = dict(mode='bilinear', align_corners=False)


def _pose(arch: str) -> Pair:
    # MMPose uses stream 0 only
    from mmpose.models.backbones import HRNet as Stock

    return Stock(extra=as_extra(ARCHS[arch])), HRNet(arch, multiscale_output=False)


def _segmentation(arch: str) -> Pair:
    # MMSegmentation upsamples bilinearly in the exchanges
    from mmseg.models.backbones import HRNet as Stock

    stock = Stock(extra=as_extra(ARCHS[arch]), norm_eval=False)
    return stock, HRNet(arch, upsample_cfg=BILINEAR)


def _detection(arch: str) -> Pair:
    from mmdet.models.backbones import HRNet as Stock
    from mmdet.models.necks import HRFPN

    trunk = HRNet(arch)
    widths = list(trunk.out_channels)
    stock = Stock(extra=as_extra(ARCHS[arch]), norm_eval=False)
    return (
        nn.Sequential(stock, HRFPN(widths, 256)),
        nn.Sequential(trunk, HRNetV2p(widths, 256)),
    )


def _classification(arch: str) -> Pair:
    from mmpretrain.models.backbones import HRNet as Stock
    from mmpretrain.models.necks import HRFuseScales

    trunk = HRNet(arch)
    widths = list(trunk.out_channels)
    return (
        nn.Sequential(Stock(extra=as_extra(ARCHS[arch])), HRFuseScales(widths)),
        nn.Sequential(trunk, HRNetC(widths)),
    )


class _TimmFeatures(nn.Module):
    def __init__(self, arch: str) -> None:
        super().__init__()
        import timm

        names = {'w18_small_v1': 'w18_small', 'w18_small_v2': 'w18_small_v2'}
        self.model: Any = timm.create_model(f'hrnet_{names.get(arch, arch)}')

    def forward(self, x: Tensor) -> Tensor:
        # (N, 2048, H/32, W/32)
        return self.model.forward_features(x)


def _timm(arch: str) -> Pair:
    # everything before the pooling
    trunk = HRNet(arch)
    neck = HRNetC(list(trunk.out_channels), bias=True)
    return _TimmFeatures(arch), nn.Sequential(trunk, neck)


@dataclass(frozen=True)
class Baseline:
    """The HRNet of another library, in a typical setting of that library.

    Attributes:
        library: Name of the library.
        part: The part of a model that is measured.
        pair: Builds theirs and ours for an arch.
        size: Height and width of the images.
        batches: Batch sizes of inference for each device; training uses the last one.
    """

    library: str
    part: str
    pair: Callable[[str], Pair]
    size: Size
    batches: Mapping[str, tuple[int, ...]]

    def quick(self) -> Baseline:
        """Return a copy with small images and one batch size, which runs in seconds."""
        batches = {device: sizes[:1] for device, sizes in self.batches.items()}
        return replace(self, size=(64, 64), batches=batches)

    def build(self, arch: str, device: str) -> Pair:
        """Return theirs and ours with equal weights and realistic norm statistics."""
        torch.manual_seed(0)
        theirs, ours = self.pair(arch)
        x = torch.randn(2, 3, *self.size)
        settle(theirs, lambda: theirs(x))
        if isinstance(theirs, _TimmFeatures):
            _copy_from_timm(theirs, ours)
        else:
            ours.load_state_dict(theirs.state_dict())
        return theirs.to(device), ours.to(device)


# for small and for large images
BATCHES_SMALL = dict(cpu=(1, 8), cuda=(1, 64))
BATCHES_LARGE = dict(cpu=(1,), cuda=(1, 4))

BASELINES = {
    baseline.library: baseline
    for baseline in (
        Baseline('mmpose', 'trunk, V1', _pose, (256, 192), BATCHES_SMALL),
        Baseline(
            'mmseg',
            'trunk, bilinear exchange',
            _segmentation,
            (512, 1024),
            BATCHES_LARGE,
        ),
        Baseline('mmdet', 'trunk and pyramid', _detection, (800, 1344), BATCHES_LARGE),
        Baseline(
            'mmpretrain', 'trunk and neck', _classification, (224, 224), BATCHES_SMALL
        ),
        Baseline('timm', 'features', _timm, (224, 224), BATCHES_SMALL),
    )
}


def choose_baselines(libraries: Sequence[str]) -> list[Baseline]:
    """Return the baselines of some libraries.

    Raises:
        ValueError: If a library is unknown or not installed.
    """
    for name in libraries:
        if name not in BASELINES:
            raise ValueError(
                f'no baseline for {name!r}; choose from {", ".join(BASELINES)}'
            )
        if find_spec(name) is None:
            package = LIBRARIES[name].distribution if name in LIBRARIES else name
            raise ValueError(f'{name} is not installed: pip install {package}')
    return [BASELINES[name] for name in libraries]


def _copy_from_timm(theirs: _TimmFeatures, ours: nn.Module) -> None:
    from hrnet_mm.checkpoints.checkpoint import parse_checkpoint
    from hrnet_mm.checkpoints.fitting import load_part

    file = parse_checkpoint('timm', theirs.model.state_dict())
    trunk, neck = ours.children()
    load_part(trunk, file.part('backbone.'), '', Counter())
    load_part(neck, file.part('neck.0.'), '', Counter())
