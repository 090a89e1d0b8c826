"""Replacement for HRNet of mmpose, which outputs stream 0 by default."""

from __future__ import annotations

from typing import Any

import mmpose.models  # noqa: F401 - first: it registers an HRNet of its own
from mmpose.registry import MODELS

from hrnet_mm.models import HRNet as Trunk
from hrnet_mm.models.precision import Precision

INIT_CFG = [
    dict(type='Normal', std=0.001, layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


@MODELS.register_module(force=True)
class HRNet(Trunk):
    """HRNet with the signature of ``mmpose.models.backbones.HRNet``.

    ``extra`` may hold ``upsample`` (nearest by default) and, in its stage 4,
    ``multiscale_output`` (False by default).
    """

    def __init__(
        self,
        extra: dict[str, Any],
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict = dict(type='BN'),
        norm_eval: bool = False,
        with_cp: bool = False,
        zero_init_residual: bool = False,
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = INIT_CFG,
        *,
        precision: Precision = 'float32',
        cuda_graph: bool = False,
        deploy_cfg: dict | None = None,
    ) -> None:
        stages = {name: dict(cfg) for name, cfg in extra.items() if name != 'upsample'}
        last = stages.get('stage4', {})
        super().__init__(
            extra=stages,
            in_channels=in_channels,
            multiscale_output=last.pop('multiscale_output', False),
            upsample_cfg=_drop_none(extra.get('upsample', dict(mode='nearest'))),
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            norm_eval=norm_eval,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
            frozen_stages=frozen_stages,
            precision=precision,
            cuda_graph=cuda_graph,
            deploy_cfg=deploy_cfg,
            init_cfg=init_cfg,
        )


def _drop_none(upsample: dict[str, Any]) -> dict[str, Any]:
    # align_corners=None is the same as no align_corners
    return {key: value for key, value in upsample.items() if value is not None}
