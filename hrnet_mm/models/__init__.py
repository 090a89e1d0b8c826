"""The HRNet trunk and the necks that build its four representations."""

from .arch import ARCHS
from .hrnet import HRNet
from .necks import HRNetC, HRNetV1, HRNetV2, HRNetV2p

__all__ = ['ARCHS', 'HRNet', 'HRNetC', 'HRNetV1', 'HRNetV2', 'HRNetV2p']
