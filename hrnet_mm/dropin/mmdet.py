"""Replacements for HRNet, HRFPN and SingleRoIExtractor of mmdet.

Batch norms of this HRNet are in eval mode by default. ``SingleRoIExtractor`` is
replaced so that boxes stay exact under AMP.
"""

from __future__ import annotations

from typing import Any

import mmdet.models  # noqa: F401 - first: it registers an HRNet of its own
from mmdet.registry import MODELS

from hrnet_mm.det.roi_extractors import SingleRoIExtractor
from hrnet_mm.models import HRNet as Trunk
from hrnet_mm.models import HRNetV2p
from hrnet_mm.models.precision import Precision

from . import check_frozen_norms, choose_init_cfg

MODELS.register_module(module=SingleRoIExtractor, force=True)


@MODELS.register_module(force=True)
class HRNet(Trunk):
    """HRNet with the signature of ``mmdet.models.backbones.HRNet``."""

    def __init__(
        self,
        extra: dict[str, Any],
        in_channels: int = 3,
        conv_cfg: dict | None = None,
        norm_cfg: dict = dict(type='BN'),
        norm_eval: bool = True,
        with_cp: bool = False,
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
            upsample_cfg=dict(mode='nearest'),
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            norm_eval=norm_eval,
            with_cp=with_cp,
            zero_init_residual=zero_init_residual,
            precision=precision,
            cuda_graph=cuda_graph,
            deploy_cfg=deploy_cfg,
            init_cfg=choose_init_cfg(init_cfg, pretrained),
        )
        self.register_forward_pre_hook(check_frozen_norms)


@MODELS.register_module(force=True)
class HRFPN(HRNetV2p):
    """HRNetV2p with the signature of ``mmdet.models.necks.HRFPN``.

    HRFPN of mmdet ignores ``norm_cfg``, and no published model sets it; here it is an
    error. ``hrnet_mm.HRNetV2p`` builds norms.
    """

    def __init__(
        self,
        in_channels: list[int],
        out_channels: int,
        num_outs: int = 5,
        pooling_type: str = 'AVG',
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        stride: int = 1,
        init_cfg: dict | list[dict] | None = dict(type='Caffe2Xavier', layer='Conv2d'),
        *,
        precision: Precision = 'float32',
    ) -> None:
        if norm_cfg is not None or pooling_type != 'AVG':
            raise ValueError(
                f'HRFPN got norm_cfg={norm_cfg} and pooling_type={pooling_type!r}; it '
                "supports norm_cfg=None and pooling_type='AVG' only. "
                'hrnet_mm.HRNetV2p takes a norm_cfg'
            )
        super().__init__(
            in_channels,
            out_channels,
            num_outs,
            stride=stride,
            conv_cfg=conv_cfg,
            with_cp=with_cp,
            precision=precision,
            init_cfg=init_cfg,
        )
