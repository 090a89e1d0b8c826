"""Precision of the validations during training."""

from __future__ import annotations

import torch
from mmengine.runner import Runner

from hrnet_mm.models import HRNet
from hrnet_mm.models.precision import trains_in_bfloat16
from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook


@HOOKS.register_module()
class ValidationPrecisionHook(OptionalHook):
    """Validates in bfloat16 if the trunk trains in it; tests stay as configured.

    Applies to trunks with ``deploy_cfg``. Trunks that train in float32 are validated
    in the dtype of ``deploy_cfg``.
    """

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self._configured: dict[HRNet, torch.dtype] = {}

    def before_val(self, runner: Runner) -> None:
        """Let the deployed copies of trunks that train in bfloat16 compute in it."""
        for trunk in runner.model.modules():
            if not isinstance(trunk, HRNet) or trunk.deployed is None:
                continue
            if trains_in_bfloat16(trunk.precision, next(trunk.parameters()).device):
                self._configured[trunk] = trunk.deployed.dtype
                trunk.deployed.dtype = torch.bfloat16

    def after_val(self, runner: Runner) -> None:
        """Set the dtypes back to those of ``deploy_cfg``."""
        for trunk, dtype in self._configured.items():
            if trunk.deployed is not None:
                trunk.deployed.dtype = dtype
        self._configured.clear()
