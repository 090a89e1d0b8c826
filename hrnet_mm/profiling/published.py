"""The sizes and costs that were published, and what they were counted on.

Each is recomputed from a config of ours. Where the figure was counted on something else
than its row says (another number of classes, another image), that is given here and
said in ``note``. Where no configuration gives it, it is in ``NOT_REPRODUCED``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

POSE = 'leoxiaobin/deep-high-resolution-net.pytorch'
SEG = 'HRNet/HRNet-Semantic-Segmentation'
DET = 'HRNet/HRNet-Object-Detection'
CLS = 'HRNet/HRNet-Image-Classification'

CONFIGS = Path(__file__).resolve().parents[1] / '.mim/configs'


@dataclass(frozen=True)
class Published:
    """One row of a README.

    Attributes:
        name: What it says it is.
        source: The repository.
        parameters: Millions, as printed.
        macs: Billions of 2^30, as printed.
        config: Of ours, below ``configs``.
        size: Height and width.
        options: Changes of the config that give the model that was counted.
        weights_only: Parameters are the weights of convolutions and linear layers, in
            millions of 2^20.
        note: What differs.
    """

    name: str
    source: str
    parameters: str
    macs: str
    config: str
    size: tuple[int, int]
    options: dict[str, Any] = field(default_factory=dict)
    weights_only: bool = False
    note: str = ''

    @property
    def path(self) -> str:
        """The config file."""
        return str(CONFIGS / self.config)

    def count(self, model: nn.Module) -> float:
        """The parameters in the unit of the row."""
        if not self.weights_only:
            return sum(p.numel() for p in model.parameters()) / 1e6
        layers = (m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
        return sum(layer.weight.numel() for layer in layers) / 2**20


def agrees(printed: str, exact: float) -> bool:
    """Whether a printed figure is an exact one, rounded or cut off."""
    unit = 10 ** len(printed.partition('.')[2])
    return round(float(printed) * unit) in (
        round(exact * unit),
        math.floor(exact * unit),
    )


def pose(width: int, height: int, parameters: str, macs: str) -> Published:
    """A row on human pose."""
    size = height, height * 3 // 4
    config = f'pose/hrnet_w{width}_coco-{height}x{size[1]}.py'
    name = f'pose W{width} {size[0]}x{size[1]}'
    return Published(name, POSE, parameters, macs, config, size)


def seg(
    name: str,
    parameters: str,
    macs: str,
    config: str,
    size: tuple[int, int] = (1024, 2048),
    note: str = '',
) -> Published:
    """A row on segmentation; all were counted with the 19 classes of Cityscapes."""
    options = {'model.decode_head.num_classes': 19, 'model.decode_head.bias': True}
    config = f'seg/hrnetv2_{config}.py'
    name = f'segmentation {name}'
    return Published(name, SEG, parameters, macs, config, size, options, note=note)


def det(width: int, parameters: str, macs: str) -> Published:
    """A row on detection: Faster R-CNN, 500 boxes."""
    return Published(
        f'Faster R-CNN W{width}',
        DET,
        parameters,
        macs,
        f'det/faster-rcnn_hrnetv2p_w{width}_coco-1x.py',
        (800, 1216),
        weights_only=True,
        note='parameters: weights alone, in 2^20',
    )


def cls(arch: str, parameters: str, macs: str) -> Published:
    """A row on ImageNet; the official head has biases."""
    config = f'cls/hrnetc_{arch}_imagenet.py'
    options = {'model.neck.0.bias': True}
    name = f'ImageNet {arch.upper()}-C'
    return Published(name, CLS, parameters, macs, config, (224, 224), options)


PUBLISHED = [
    pose(32, 256, '28.5', '7.1'),
    pose(32, 384, '28.5', '16.0'),
    pose(48, 256, '63.6', '14.6'),
    pose(48, 384, '63.6', '32.9'),
    seg('W18-small-v1', '1.5', '31.1', 'w18_small_v1_cityscapes-512x1024'),
    seg('W18-small-v2', '3.9', '71.6', 'w18_small_v2_cityscapes-512x1024'),
    seg('W48', '65.8', '696.2', 'w48_cityscapes-512x1024'),
    seg(
        'W48 PASCAL-Context',
        '65.8',
        '76.5',
        'w48_pascal-context-59-480x480',
        (480, 480),
        'counted with 19 classes; it has 59 or 60',
    ),
    seg(
        'W48 LIP',
        '65.8',
        '74.3',
        'w48_lip-473x473',
        (468, 468),
        'counted on 468x468 with 19 classes; it has 473x473 and 20',
    ),
    det(18, '26.2', '159.1'),
    det(32, '45.0', '245.3'),
    det(40, '60.5', '314.9'),
    det(48, '79.4', '399.1'),
    cls('w18_small_v1', '13.2', '1.49'),
    cls('w18_small_v2', '15.6', '2.42'),
    cls('w18', '21.3', '3.99'),
    cls('w30', '37.7', '7.55'),
    cls('w32', '41.2', '8.31'),
    cls('w40', '57.6', '11.8'),
    cls('w44', '67.1', '13.9'),
    cls('w48', '77.5', '16.1'),
    cls('w64', '128.1', '26.9'),
]

NOT_REPRODUCED = {
    'bottom-up W32 512x512, 28.5M / 38.9': 'gives 37.98 (2^30) or 40.78 (10^9)',
    'landmarks W18 256x256, 9.3M / 4.3': (
        '9.3M is the trunk of one stream (9,317,892); the released network has four'
    ),
    'HigherHRNet, 28.6M / 47.9 (W32-640: 74.8; W48-640: 63.8M / 154.3)': (
        'in 10^9, and its counter takes the transposed convolution at the size of its '
        'output, for four times its cost: 46.2, 72.2 and 149.5 without'
    ),
    'DEKR, 29.6M / 45.4 and 65.7M / 141.5': 'not a model of this package',
}
