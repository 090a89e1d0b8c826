"""The trunk and the representations; needs torch, mmengine and mmcv only."""

from .arch import ARCHS
from .hrnet import HRNet
from .necks import HRNetC, HRNetV1, HRNetV2, HRNetV2p

__all__ = ['ARCHS', 'HRNet', 'HRNetC', 'HRNetV1', 'HRNetV2', 'HRNetV2p']
