"""Networks and settings of the runtime table in https://arxiv.org/abs/1908.07919."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

Size = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """A network of the table.

    Attributes:
        task: ``'pose'``, ``'segmentation'`` or ``'detection'``.
        name: Name in the table.
        package: Package that has the config.
        config: Path relative to the configs of that package.
    """

    task: str
    name: str
    package: str
    config: str

    @property
    def path(self) -> str:
        """Path of the config file.

        Raises:
            ValueError: If the package is not installed.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ValueError(f'{self.package} is not installed')
        return str(Path(spec.origin).parent / '.mim/configs' / self.config)


@dataclass(frozen=True)
class Setting:
    """Image sizes and batch size for the networks of a task.

    Attributes:
        train, test: Height and width of an image.
        batch: Images in a training step; inference uses one image.
    """

    train: Size
    test: Size
    batch: int


# Image sizes of the paper; batches that fit on one GPU of its time.
PAPER = {
    'pose': Setting((256, 192), (256, 192), 32),
    'segmentation': Setting((512, 1024), (1024, 2048), 2),
    'detection': Setting((800, 1344), (800, 1344), 2),
}
# Minutes on a laptop; ratios between convolutional networks stay roughly the same.
QUICK = {
    'pose': Setting((128, 96), (128, 96), 2),
    'segmentation': Setting((128, 256), (256, 512), 2),
    'detection': Setting((192, 320), (192, 320), 1),
}

SIMPLE = 'body_2d_keypoint/topdown_heatmap/coco/td-hm_res{}-210e_coco-256x192.py'
DILATED = '{0}/{0}_r101-d8_4xb2-80k_cityscapes-512x1024.py'
FPN = 'faster_rcnn/faster-rcnn_{}_fpn_1x_coco.py'
V2P = 'det/faster-rcnn_hrnetv2p_w{}_coco-1x.py'

ROWS = [
    Row('pose', 'SimpleBaseline ResNet-50', 'mmpose', SIMPLE.format('50_8xb64')),
    Row('pose', 'SimpleBaseline ResNet-101', 'mmpose', SIMPLE.format('101_8xb64')),
    Row('pose', 'SimpleBaseline ResNet-152', 'mmpose', SIMPLE.format('152_8xb32')),
    Row('pose', 'HRNet-W32', 'hrnet_mm', 'pose/hrnet_w32_coco-256x192.py'),
    Row('pose', 'HRNet-W48', 'hrnet_mm', 'hrnet_w48_coco.py'),
    Row('segmentation', 'PSPNet ResNet-101', 'mmseg', DILATED.format('pspnet')),
    Row('segmentation', 'DeepLabV3 ResNet-101', 'mmseg', DILATED.format('deeplabv3')),
    Row(
        'segmentation',
        'HRNetV2-W48',
        'hrnet_mm',
        'seg/hrnetv2_w48_cityscapes-512x1024.py',
    ),
    Row('detection', 'FPN ResNet-50', 'mmdet', FPN.format('r50')),
    Row('detection', 'FPN ResNet-101', 'mmdet', FPN.format('r101')),
    Row('detection', 'FPN ResNeXt-101-64x4d', 'mmdet', FPN.format('x101-64x4d')),
    Row('detection', 'HRNetV2p-W18', 'hrnet_mm', V2P.format(18)),
    Row('detection', 'HRNetV2p-W32', 'hrnet_mm', V2P.format(32)),
]
