"""The trunk and the representations; needs torch, mmengine and mmcv only."""

from .arch import ARCHS
from .hrnet import HRNet
from .necks import HRNetV1, HRNetV2

__all__ = ['ARCHS', 'HRNet', 'HRNetV1', 'HRNetV2']
