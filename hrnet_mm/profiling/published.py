"""Published sizes and costs of HRNet models, with the config that reproduces each.

If a figure was counted for another model than its row says (number of classes, image
size), the options and a note say so. Figures that no config reproduces are in
``NOT_REPRODUCED``.
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
    """A published row of parameters and MACs.

    Attributes:
        name: The task, model and size of the row.
        source: The repository that published it.
        parameters: Parameters in 10^6, as printed.
        macs: Multiply-accumulates in 2^30, as printed.
        config: The config of hrnet_mm, relative to ``configs``.
        size: Height and width of the image.
        options: Changes of the config that reproduce the counted model.
        weights_only: Whether ``parameters`` counts only the weights of convolutions and
            linear layers, in 2^20.
        note: How the counted model differs from the row.
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
        """The path of the config file."""
        return str(CONFIGS / self.config)

    def count(self, model: nn.Module) -> float:
        """Return the parameters of a model in the unit of the row."""
        if not self.weights_only:
            return sum(p.numel() for p in model.parameters()) / 1e6
        layers = (m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
        return sum(layer.weight.numel() for layer in layers) / 2**20


def agrees(printed: str, exact: float) -> bool:
    """Return whether a printed figure is an exact one, rounded or truncated."""
    unit = 10 ** len(printed.partition('.')[2])
    return round(float(printed) * unit) in (
        round(exact * unit),
        math.floor(exact * unit),
    )


def _pose_row(width: int, height: int, parameters: str, macs: str) -> Published:
    size = height, height * 3 // 4
    config = f'pose/hrnet_w{width}_coco-{height}x{size[1]}.py'
    name = f'pose W{width} {size[0]}x{size[1]}'
    return Published(name, POSE, parameters, macs, config, size)


def _seg_row(
    name: str,
    parameters: str,
    macs: str,
    config: str,
    size: tuple[int, int] = (1024, 2048),
    note: str = '',
) -> Published:
    # all were counted with the 19 classes of Cityscapes, and a classifier with bias
    options = {'model.decode_head.num_classes': 19, 'model.decode_head.bias': True}
    config = f'seg/hrnetv2_{config}.py'
    name = f'segmentation {name}'
    return Published(name, SEG, parameters, macs, config, size, options, note=note)


def _det_row(width: int, parameters: str, macs: str) -> Published:
    # MACs with 500 boxes
    return Published(
        f'Faster R-CNN W{width}',
        DET,
        parameters,
        macs,
        f'det/faster-rcnn_hrnetv2p_w{width}_coco-1x.py',
        (800, 1216),
        weights_only=True,
        note='parameters: only weights, in 2^20',
    )


def _cls_row(arch: str, parameters: str, macs: str) -> Published:
    config = f'cls/hrnetc_{arch}_imagenet.py'
    options = {'model.neck.0.bias': True}  # as in the official code
    name = f'ImageNet {arch.upper()}-C'
    return Published(name, CLS, parameters, macs, config, (224, 224), options)


PUBLISHED = [
    _pose_row(32, 256, '28.5', '7.1'),
    _pose_row(32, 384, '28.5', '16.0'),
    _pose_row(48, 256, '63.6', '14.6'),
    _pose_row(48, 384, '63.6', '32.9'),
    _seg_row('W18-small-v1', '1.5', '31.1', 'w18_small_v1_cityscapes-512x1024'),
    _seg_row('W18-small-v2', '3.9', '71.6', 'w18_small_v2_cityscapes-512x1024'),
    _seg_row('W48', '65.8', '696.2', 'w48_cityscapes-512x1024'),
    _seg_row(
        'W48 PASCAL-Context',
        '65.8',
        '76.5',
        'w48_pascal-context-59-480x480',
        (480, 480),
        'counted with 19 classes instead of 59 or 60',
    ),
    _seg_row(
        'W48 LIP',
        '65.8',
        '74.3',
        'w48_lip-473x473',
        (468, 468),
        'counted on 468x468 with 19 classes instead of 473x473 with 20',
    ),
    _det_row(18, '26.2', '159.1'),
    _det_row(32, '45.0', '245.3'),
    _det_row(40, '60.5', '314.9'),
    _det_row(48, '79.4', '399.1'),
    _cls_row('w18_small_v1', '13.2', '1.49'),
    _cls_row('w18_small_v2', '15.6', '2.42'),
    _cls_row('w18', '21.3', '3.99'),
    _cls_row('w30', '37.7', '7.55'),
    _cls_row('w32', '41.2', '8.31'),
    _cls_row('w40', '57.6', '11.8'),
    _cls_row('w44', '67.1', '13.9'),
    _cls_row('w48', '77.5', '16.1'),
    _cls_row('w64', '128.1', '26.9'),
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
