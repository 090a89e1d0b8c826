"""Check of the sliding-window settings of a segmentor before training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner

from hrnet_mm.engine.checks import unwrap_model
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class CheckWindowHook(OptionalHook):
    """Hook that checks ``test_cfg`` before the first step.

    MMSegmentation fails at the first validation instead.

    Raises:
        ValueError: If ``mode``, ``crop_size`` or ``stride`` is invalid.
    """

    def before_train(self, runner: Runner) -> None:
        """Check ``test_cfg`` before the first step."""
        _check_window(unwrap_model(runner.model))

    def before_test(self, runner: Runner) -> None:
        """Check ``test_cfg`` before the first image."""
        _check_window(unwrap_model(runner.model))


def _check_window(model: Any) -> None:
    cfg: Mapping[str, Any] = model.test_cfg or {}
    mode = cfg.get('mode')
    if mode == 'whole':
        return
    # of depth estimators; the mean of a window and its mirror image
    flips = mode == 'slide_flip' and hasattr(model, 'slide_flip_inference')
    if mode != 'slide' and not flips:
        raise ValueError(
            f'model.test_cfg.mode is {mode!r}: set it to "whole" (the whole '
            'image at once) or "slide" (a sliding window)'
        )
    for key in ('crop_size', 'stride'):
        if not _is_size(cfg.get(key)):
            raise ValueError(
                f'model.test_cfg.mode="{mode}" needs {key}=(height, width) in pixels, '
                f'but it is {cfg.get(key)!r}. Common values are the crop_size of '
                'training, and two thirds of it as stride'
            )
    if any(
        step > side for step, side in zip(cfg['stride'], cfg['crop_size'], strict=True)
    ):
        raise ValueError(
            f'model.test_cfg.stride={tuple(cfg["stride"])} is larger than crop_size='
            f'{tuple(cfg["crop_size"])}, which leaves pixels between the windows '
            'unpredicted. Set stride to at most crop_size'
        )


def _is_size(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(side, int) and side > 0 for side in value)
    )
