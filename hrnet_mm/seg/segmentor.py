"""OCR segmentor that runs each head once per training step."""

from __future__ import annotations

from typing import Any

from mmseg.models.segmentors import CascadeEncoderDecoder
from mmseg.utils import add_prefix
from torch import Tensor

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class OCRNet(CascadeEncoderDecoder):
    """``CascadeEncoderDecoder`` that runs each head once per training step.

    MMSegmentation runs the first head a second time for the input of the second head,
    which takes time and updates its batch norms twice. State-dict keys are the same.

    Raises:
        ValueError: If ``num_classes`` differs between the heads, or ``align_corners``
            between heads, neck and trunk.
    """

    def _init_decode_head(self, decode_head: list[dict[str, Any]]) -> None:
        super()._init_decode_head(decode_head)
        _check_equal(
            'num_classes',
            {
                f'decode_head[{i}]': head.num_classes
                for i, head in enumerate(self.decode_head)
            },
        )
        _check_equal('align_corners', _align_corners(self))
        # mmseg reads the threshold here
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


def _align_corners(model: CascadeEncoderDecoder) -> dict[str, bool]:
    # of each part that interpolates bilinearly
    found = {
        f'decode_head[{i}]': head.align_corners
        for i, head in enumerate(model.decode_head)
    }
    if model.with_neck and hasattr(model.neck, 'align_corners'):
        found['neck'] = model.neck.align_corners
    upsample_cfg = getattr(model.backbone, 'upsample_cfg', {})
    if upsample_cfg.get('mode') == 'bilinear':
        found['backbone.upsample_cfg'] = bool(upsample_cfg.get('align_corners'))
    return found


def _check_equal(name: str, values: dict[str, Any]) -> None:
    if len(set(values.values())) > 1:
        found = ', '.join(f'{part}.{name}={value}' for part, value in values.items())
        raise ValueError(
            f'{name} must be the same in all parts of a model, but it is {found}. '
            'Set the value that the weights were trained with'
        )
