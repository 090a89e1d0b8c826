"""Replacements for HRNet and HRFuseScales of mmpretrain."""

from __future__ import annotations

from typing import Any

import mmpretrain.models  # noqa: F401 - first: it registers an HRNet of its own
from mmpretrain.registry import MODELS

from hrnet_mm.models import HRNet as Trunk
from hrnet_mm.models import HRNetC
from hrnet_mm.models.hrnet import INIT_CFG
from hrnet_mm.models.precision import Precision


@MODELS.register_module(force=True)
class HRNet(Trunk):
    """HRNet with the signature of ``mmpretrain.models.backbones.HRNet``."""

    def __init__(
        self,
        arch: str = 'w32',
        extra: dict[str, Any] | None = None,
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict = dict(type='BN'),
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        multiscale_output: bool = True,
        init_cfg: dict | list[dict] | None = INIT_CFG,
        *,
        precision: Precision = 'float32',
        cuda_graph: bool = False,
        deploy_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            arch if extra is None else None,
            extra,
            in_channels,
            multiscale_output=multiscale_output,
            upsample_cfg=dict(mode='nearest'),
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            norm_eval=norm_eval,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
            precision=precision,
            cuda_graph=cuda_graph,
            deploy_cfg=deploy_cfg,
            init_cfg=init_cfg,
        )


@MODELS.register_module(force=True)
class HRFuseScales(HRNetC):
    """HRNetC with the signature of ``mmpretrain.models.HRFuseScales``."""

    def __init__(
        self,
        in_channels: list[int],
        out_channels: int = 2048,
        norm_cfg: dict = dict(type='BN', momentum=0.1),
        init_cfg: dict | list[dict] | None = dict(
            type='Normal', layer='Linear', std=0.01
        ),
        *,
        precision: Precision = 'float32',
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            norm_cfg=norm_cfg,
            precision=precision,
            init_cfg=init_cfg,
        )
