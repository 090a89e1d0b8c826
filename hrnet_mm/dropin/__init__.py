"""Replacements for the HRNet classes of OpenMMLab, for existing configs.

One line in a config enables them:

    custom_imports = dict(imports=['hrnet_mm.dropin'], allow_failed_imports=False)

They replace ``HRNet`` of all four libraries, ``HRFPN`` of mmdet and ``HRFuseScales`` of
mmpretrain. Each has the arguments, defaults, interpolation and state dict of its
library, so that published checkpoints load and give the same results.

The classes of a library are imported at the first lookup in its registry, after its
own. So the order of imports does not matter, and a broken library affects no other.
"""

import sys
from importlib import import_module
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import Registry

from hrnet_mm.engine.checks import check_frozen
from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.models.hrnet import INIT_CFG, HRNet

_import_original = Registry.import_from_location


def _import_from_location(self: Registry) -> None:
    _import_original(self)
    if self.name == 'model' and self.scope in LIBRARIES:
        name = f'hrnet_mm.dropin.{self.scope}'
        if name not in sys.modules:
            import_module(name)
            message = f'hrnet_mm.dropin: HRNet of {self.scope} is replaced by ours'
            print_log(message, logger='current')


Registry.import_from_location = _import_from_location


def check_frozen_norms(module: HRNet, _: Any) -> None:
    """Raise if frozen norms have no pretrained weights; a forward pre-hook.

    Configs of this package have ``CheckFrozenHook`` for it; stock configs do not, and
    HRNet of mmdet freezes its norms by default. Only the first training step checks.

    Raises:
        ValueError: If a frozen norm still has its initial values.
    """
    if module.training:
        hooks = module._forward_pre_hooks
        for key in [key for key, hook in hooks.items() if hook is check_frozen_norms]:
            del hooks[key]
        check_frozen('backbone', module)


def choose_init_cfg(
    init_cfg: dict | list[dict] | None, pretrained: str | None
) -> dict | list[dict]:
    """Return ``init_cfg``, or the one that ``pretrained``, its old form, stands for.

    Raises:
        ValueError: if both are given.
    """
    if pretrained and init_cfg:
        raise ValueError(f'give pretrained={pretrained!r} or init_cfg, not both')
    if pretrained:
        return dict(type='Pretrained', checkpoint=pretrained)
    return INIT_CFG if init_cfg is None else init_cfg
