"""The HRNet of other libraries, and the same of ours."""

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


def pose(arch: str) -> Pair:
    """The trunk of MMPose, which outputs stream 0."""
    from mmpose.models.backbones import HRNet as Stock

    return Stock(extra=as_extra(ARCHS[arch])), HRNet(arch, multiscale_output=False)


def segmentation(arch: str) -> Pair:
    """The trunk of MMSegmentation, whose exchanges are bilinear."""
    from mmseg.models.backbones import HRNet as Stock

    stock = Stock(extra=as_extra(ARCHS[arch]), norm_eval=False)
    return stock, HRNet(arch, upsample_cfg=BILINEAR)


def detection(arch: str) -> Pair:
    """The trunk and the pyramid of MMDetection."""
    from mmdet.models.backbones import HRNet as Stock
    from mmdet.models.necks import HRFPN

    trunk = HRNet(arch)
    widths = list(trunk.out_channels)
    stock = Stock(extra=as_extra(ARCHS[arch]), norm_eval=False)
    return (
        nn.Sequential(stock, HRFPN(widths, 256)),
        nn.Sequential(trunk, HRNetV2p(widths, 256)),
    )


def classification(arch: str) -> Pair:
    """The trunk and the neck of MMPretrain."""
    from mmpretrain.models.backbones import HRNet as Stock
    from mmpretrain.models.necks import HRFuseScales

    trunk = HRNet(arch)
    widths = list(trunk.out_channels)
    return (
        nn.Sequential(Stock(extra=as_extra(ARCHS[arch])), HRFuseScales(widths)),
        nn.Sequential(trunk, HRNetC(widths)),
    )


class TimmFeatures(nn.Module):
    """A model of timm without its classifier."""

    def __init__(self, arch: str) -> None:
        super().__init__()
        import timm

        names = {'w18_small_v1': 'w18_small', 'w18_small_v2': 'w18_small_v2'}
        self.model: Any = timm.create_model(f'hrnet_{names.get(arch, arch)}')

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 2048, H/32, W/32)``."""
        return self.model.forward_features(x)


def timm_features(arch: str) -> Pair:
    """All of timm's up to the pooling."""
    trunk = HRNet(arch)
    neck = HRNetC(list(trunk.out_channels), bias=True)
    return TimmFeatures(arch), nn.Sequential(trunk, neck)


@dataclass(frozen=True)
class Rival:
    """The HRNet of another library, as it is used there.

    Attributes:
        library: Its name.
        what: Of a whole model.
        pair: Builds theirs and ours.
        size: Height and width of the images.
        batches: Images at once in inference, by device; training takes the last number.
    """

    library: str
    what: str
    pair: Callable[[str], Pair]
    size: Size
    batches: Mapping[str, tuple[int, ...]]

    def quick(self) -> Rival:
        """The same in seconds."""
        batches = {device: some[:1] for device, some in self.batches.items()}
        return replace(self, size=(64, 64), batches=batches)

    def build(self, arch: str, device: str) -> Pair:
        """Theirs and ours, with the same numbers, which are like trained ones."""
        torch.manual_seed(0)
        theirs, ours = self.pair(arch)
        x = torch.randn(2, 3, *self.size)
        settle(theirs, lambda: theirs(x))
        if isinstance(theirs, TimmFeatures):
            copy_from_timm(theirs, ours)
        else:
            ours.load_state_dict(theirs.state_dict())
        return theirs.to(device), ours.to(device)


SMALL = dict(cpu=(1, 8), cuda=(1, 64))
LARGE = dict(cpu=(1,), cuda=(1, 4))
"""Of small images and of large ones."""

RIVALS = {
    rival.library: rival
    for rival in (
        Rival('mmpose', 'trunk, V1', pose, (256, 192), SMALL),
        Rival('mmseg', 'trunk, bilinear exchange', segmentation, (512, 1024), LARGE),
        Rival('mmdet', 'trunk and pyramid', detection, (800, 1344), LARGE),
        Rival('mmpretrain', 'trunk and neck', classification, (224, 224), SMALL),
        Rival('timm', 'features', timm_features, (224, 224), SMALL),
    )
}


def choose_rivals(libraries: Sequence[str]) -> list[Rival]:
    """Those of some libraries.

    Raises:
        ValueError: if one is unknown or not installed.
    """
    for name in libraries:
        if name not in RIVALS:
            raise ValueError(
                f'no HRNet of {name!r} is known; there are {" ".join(RIVALS)}'
            )
        if find_spec(name) is None:
            package = LIBRARIES[name].distribution if name in LIBRARIES else name
            raise ValueError(f'{name} is not installed here: pip install {package}')
    return [RIVALS[name] for name in libraries]


def copy_from_timm(theirs: TimmFeatures, ours: nn.Module) -> None:
    """As the file of a classifier would be read."""
    from hrnet_mm.checkpoints.checkpoint import parse_checkpoint
    from hrnet_mm.checkpoints.fitting import load_part

    file = parse_checkpoint('timm', theirs.model.state_dict())
    trunk, neck = ours.children()
    load_part(trunk, file.part('backbone.'), '', Counter())
    load_part(neck, file.part('neck.0.'), '', Counter())
