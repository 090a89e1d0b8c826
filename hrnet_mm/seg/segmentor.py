"""OCR on the stock runner: every head runs once per step."""

from __future__ import annotations

from typing import Any

from mmseg.models.segmentors import CascadeEncoderDecoder
from mmseg.utils import add_prefix
from torch import Tensor

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class OCRNet(CascadeEncoderDecoder):
    """``CascadeEncoderDecoder`` whose heads see each batch once.

    mmsegmentation runs the first head again to feed the second one, which costs time
    and counts every batch twice in its batch norms. State dicts are the same.

    Raises:
        ValueError: if the heads, the neck or the trunk disagree on ``num_classes`` or
            ``align_corners``.
    """

    def _init_decode_head(self, decode_head: list[dict[str, Any]]) -> None:
        super()._init_decode_head(decode_head)
        agree(
            'num_classes',
            {
                f'decode_head[{i}]': head.num_classes
                for i, head in enumerate(self.decode_head)
            },
        )
        agree('align_corners', align_corners_of(self))
        # where mmsegmentation looks for it
        self.decode_head.threshold = self.decode_head[-1].threshold

    def _decode_head_forward_train(
        self, inputs: tuple[Tensor, ...], data_samples: list
    ) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        logits: tuple[Tensor, ...] = ()
        for i, head in enumerate(self.decode_head):
            logits = (head(inputs, *logits),)
            losses |= add_prefix(
                head.loss_by_feat(*logits, data_samples), f'decode_{i}'
            )
        return losses


def align_corners_of(model: CascadeEncoderDecoder) -> dict[str, bool]:
    """What each part that interpolates bilinearly was told."""
    told = {
        f'decode_head[{i}]': head.align_corners
        for i, head in enumerate(model.decode_head)
    }
    if model.with_neck and hasattr(model.neck, 'align_corners'):
        told['neck'] = model.neck.align_corners
    upsample_cfg = getattr(model.backbone, 'upsample_cfg', {})
    if upsample_cfg.get('mode') == 'bilinear':
        told['backbone.upsample_cfg'] = bool(upsample_cfg.get('align_corners'))
    return told


def agree(name: str, values: dict[str, Any]) -> None:
    """Refuse parts that were told different things."""
    if len(set(values.values())) > 1:
        told = ', '.join(f'{part}.{name}={value}' for part, value in values.items())
        raise ValueError(
            f'{name} must be the same everywhere in a model; it is {told}. '
            'Published weights are right with one value only.'
        )
