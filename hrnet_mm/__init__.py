"""One HRNet for all of OpenMMLab.

Importing the package registers its classes under the scope ``hrnet_mm`` and applies
fixes for OpenMMLab with current torch and numpy (``hrnet_mm.compat``).
"""

import warnings
from importlib import import_module
from typing import Any

__version__ = '0.1.0'
__all__ = [
    'ARCHS',
    'HRNet',
    'HRNetC',
    'HRNetV1',
    'HRNetV2',
    'HRNetV2p',
    'deploy',
    'from_pretrained',
    'inferencer',
    'push_to_hub',
    'save_pretrained',
]

# names that are imported at their first use
LAZY = {
    'from_pretrained': 'hrnet_mm.loading',
    'push_to_hub': 'hrnet_mm.publishing',
    'save_pretrained': 'hrnet_mm.publishing',
}
broken: Exception | None = None

# mmengine imports pkg_resources; users cannot change that
warnings.filterwarnings('ignore', 'pkg_resources is deprecated')

try:
    import torch

    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 1):
        raise ImportError(f'torch >= 2.1 is needed; this is torch {torch.__version__}')

    from hrnet_mm import compat
    from hrnet_mm.inference.deploy import deploy
    from hrnet_mm.inference.inferencer import inferencer
    from hrnet_mm.models import ARCHS, HRNet, HRNetC, HRNetV1, HRNetV2, HRNetV2p

    compat.apply()
except Exception as error:  # broken libraries raise any type of error
    # `hrnet-mm doctor` is in this package and has to start in spite of the error
    broken = error


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if broken is not None:
        raise ImportError(
            f'hrnet_mm.{name} is not available: {type(broken).__name__}: {broken}\n'
            'Run `hrnet-mm doctor`: it names what is broken and prints the fix.'
        ) from broken
    return getattr(import_module(LAZY[name]), name)
