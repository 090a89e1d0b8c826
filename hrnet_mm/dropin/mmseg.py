"""Replacement for HRNet of mmseg, which upsamples bilinearly."""

from __future__ import annotations

from functools import partial
from typing import Any

import mmseg.models  # noqa: F401 - first: it registers an HRNet of its own
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from hrnet_mm.models import HRNet as Trunk
from hrnet_mm.models.hrnet import Exchange
from hrnet_mm.models.precision import Precision

from . import choose_init_cfg

BILINEAR: dict[str, Any] = dict(mode='bilinear', align_corners=False)


@MODELS.register_module(force=True)
class HRNet(Trunk):
    """HRNet with the signature of ``mmseg.models.backbones.HRNet``."""

    def __init__(
        self,
        extra: dict[str, Any],
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict = dict(type='BN', requires_grad=True),
        norm_eval: bool = False,
        with_cp: bool = False,
        frozen_stages: int = -1,
        zero_init_residual: bool = False,
        multiscale_output: bool = True,
        pretrained: str | None = None,
        init_cfg: dict | list[dict] | None = None,
        *,
        precision: Precision = 'float32',
        cuda_graph: bool = False,
        deploy_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            extra=extra,
            in_channels=in_channels,
            multiscale_output=multiscale_output,
            upsample_cfg=BILINEAR,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            norm_eval=norm_eval,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
            frozen_stages=frozen_stages,
            precision=precision,
            cuda_graph=cuda_graph,
            deploy_cfg=deploy_cfg,
            init_cfg=choose_init_cfg(init_cfg, pretrained),
        )

    def _build_stages(self, *args: Any) -> None:
        super()._build_stages(*args)
        for module in self.modules():
            if isinstance(module, Exchange):
                _resize_twice(module)


def _resize_twice(exchange: Exchange) -> None:
    # As mmseg: upsample by a power of two, then resize to the target stream. For odd
    # sizes this differs from one resize; mmseg's results on ADE20K depend on it.
    for i, paths in enumerate(exchange):
        for j, path in enumerate(paths.children()):
            if j > i:
                path.register_forward_hook(partial(_upsample, 2 ** (j - i)))


def _upsample(factor: int, module: nn.Module, args: Any, output: Tensor) -> Tensor:
    return F.interpolate(output, scale_factor=factor, **BILINEAR)
