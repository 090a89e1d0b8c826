"""Existing OpenMMLab configs on this HRNet, by one line and nothing else changed.

    custom_imports = dict(imports=['hrnet_mm.dropin'], allow_failed_imports=False)

``HRNet`` of all four libraries, ``HRFPN`` of mmdet and ``HRFuseScales`` of mmpretrain
are then the classes here: with that library's arguments, defaults, interpolation and
state dict, so that its published checkpoints load and give the same numbers.

The classes of a library are imported when something is first looked up in its registry,
after the library's own: in any order of imports, and a broken library breaks no other.
"""

from importlib import import_module

from mmengine.registry import Registry

from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.models.hrnet import INIT_CFG

import_own = Registry.import_from_location


def import_from_location(self: Registry) -> None:
    """Import what a library registers, then what takes its place."""
    import_own(self)
    if self.name == 'model' and self.scope in LIBRARIES:
        import_module(f'hrnet_mm.dropin.{self.scope}')


Registry.import_from_location = import_from_location


def choose_init_cfg(
    init_cfg: dict | list[dict] | None, pretrained: str | None
) -> dict | list[dict]:
    """The old way to name a checkpoint, the new one, or neither."""
    if pretrained and init_cfg:
        raise ValueError(f'give pretrained={pretrained!r} or init_cfg, not both')
    if pretrained:
        return dict(type='Pretrained', checkpoint=pretrained)
    return INIT_CFG if init_cfg is None else init_cfg
