"""What must fit before a job of segmentation begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.runner import Runner

from hrnet_mm.engine.checks import unwrap_model
from hrnet_mm.engine.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class CheckWindowHook(OptionalHook):
    """The window that slides over images in tests has a size and a step.

    Raises:
        ValueError: before the first step, not at the first validation.
    """

    def before_train(self, runner: Runner) -> None:
        """Before the first step."""
        check_window(unwrap_model(runner.model).test_cfg)

    def before_test(self, runner: Runner) -> None:
        """Before the first image."""
        check_window(unwrap_model(runner.model).test_cfg)


def check_window(test_cfg: Mapping[str, Any] | None) -> None:
    """Refuse a ``test_cfg`` that mmsegmentation stops at, or leaves pixels out."""
    cfg = test_cfg or {}
    if cfg.get('mode') == 'whole':
        return
    if cfg.get('mode') != 'slide':
        raise ValueError(
            f'model.test_cfg.mode is {cfg.get("mode")!r}: set it to "whole" (the image '
            'at once) or "slide" (window by window)'
        )
    for key in ('crop_size', 'stride'):
        if not is_size(cfg.get(key)):
            raise ValueError(
                f'model.test_cfg.mode="slide" needs {key}=(height, width) in pixels, '
                f'and it is {cfg.get(key)!r}. The crop_size of training and a stride '
                'of two thirds of it are usual'
            )
    if any(
        step > side for step, side in zip(cfg['stride'], cfg['crop_size'], strict=True)
    ):
        raise ValueError(
            f'model.test_cfg.stride={tuple(cfg["stride"])} is larger than crop_size='
            f'{tuple(cfg["crop_size"])}: there would be pixels between the windows. '
            'Set stride to crop_size or less'
        )


def is_size(value: Any) -> bool:
    """Whether a value is a height and a width."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(side, int) and side > 0 for side in value)
    )
