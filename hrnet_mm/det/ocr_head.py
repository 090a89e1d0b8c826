"""OCR as the semantic branch of Panoptic-DeepLab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from hrnet_mm.registry import MODELS

from .deeplab_heads import hard_pixel_loss, upsample


@MODELS.register_module()
class OCRSemanticHead(BaseModule):
    """Object-contextual representations on HRNetV2, instead of ASPP.

    The semantic branch limits the quality of Panoptic-DeepLab (its technical report,
    oracle analysis); OCR is the better one for HRNet. The heads are those of
    ``hrnet_mm.seg``, which a config has to import, too. Nobody published figures.

    Args:
        in_channels: Channels of the four streams.
        num_classes: The number of classes, things and stuff.
        channels: Channels of the pixel representation.
        ocr_channels: Channels of queries, keys and values.
        norm_cfg: The norm of the convolutions.
        hard_share: The share of pixels with the largest losses that are averaged.
        loss_weight: The weight of the loss.
        first_weight: The weight of the loss of the first head, relative to it.

    Raises:
        ValueError: If ``hrnet_mm.seg`` is not imported.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        channels: int = 512,
        ocr_channels: int = 256,
        norm_cfg: dict[str, Any] | None = None,
        hard_share: float = 0.2,
        loss_weight: float = 1.0,
        first_weight: float = 0.4,
    ) -> None:
        super().__init__()
        if MODELS.get('hrnet_mm.OCRHead') is None:
            raise ValueError(
                'OCRSemanticHead needs the heads of MMSegmentation: add '
                "'hrnet_mm.seg' to the imports of custom_imports"
            )
        self.hard_share = hard_share
        self.weights = first_weight * loss_weight, loss_weight
        both = dict(
            in_channels=sum(in_channels),
            num_classes=num_classes,
            norm_cfg=norm_cfg or dict(type='BN'),
            align_corners=True,
        )
        first = dict(both, type='hrnet_mm.HRNetV2Head')
        context = dict(
            both, type='hrnet_mm.OCRHead', channels=channels, ocr_channels=ocr_channels
        )
        self.neck = MODELS.build(dict(type='hrnet_mm.HRNetV2', align_corners=True))
        self.first, self.context = MODELS.build(first), MODELS.build(context)

    def forward(self, streams: Sequence[Tensor]) -> Tensor:
        """Return the logits, (N, num_classes, H, W), in the size of the image."""
        return self._logits(streams)[1]

    def _logits(self, streams: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        pixels = self.neck(streams)
        first = self.first(pixels)
        return upsample(first), upsample(self.context(pixels, first))

    def loss(self, streams: Sequence[Tensor], truth: dict[str, Tensor]) -> dict:
        """Return the losses of both heads; see ``DeepLabSemanticHead.loss``."""
        losses = [
            weight * hard_pixel_loss(logits, truth, self.hard_share)
            for weight, logits in zip(self.weights, self._logits(streams), strict=True)
        ]
        return dict(loss_semantic_first=losses[0], loss_semantic=losses[1])
