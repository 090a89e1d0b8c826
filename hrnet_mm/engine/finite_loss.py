"""A hook that ends a job when its loss is NaN or infinite."""

from __future__ import annotations

import math
from typing import Any

from mmengine.dist import get_rank
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import Runner

from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook

# A dynamic loss scale starts too large and is halved at each overflow.
OVERFLOWS = 20


@HOOKS.register_module()
class FiniteLossHook(OptionalHook):
    """Ends a job before a checkpoint is saved after a NaN or infinite loss.

    With a dynamic loss scale (float16) the optimizer skips such steps; then only a
    series of 20 such steps ends the job.

    Raises:
        FloatingPointError: If the loss is not finite; the message has the iteration,
            the parts of the loss and the paths of the images.
    """

    priority = 'HIGH'  # before anything is saved

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.in_a_row = 0

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Check the loss that ``RuntimeInfoHook`` has copied from the device."""
        scalars = runner.message_hub.log_scalars
        if 'train/loss' not in scalars:  # a model without a loss, or without that hook
            return
        if math.isfinite(scalars['train/loss'].current()):
            self.in_a_row = 0
            return
        self.in_a_row += 1
        if isinstance(runner.optim_wrapper, AmpOptimWrapper):
            scaler = runner.optim_wrapper.loss_scaler
            if scaler.is_enabled() and self.in_a_row < OVERFLOWS:
                return
        parts = ' '.join(
            f'{name.removeprefix("train/")}={scalars[name].current():.4g}'
            for name in [f'train/{name}' for name in outputs or {}]
            if name in scalars
        )
        raise FloatingPointError(
            f'The loss is not finite at iteration {runner.iter + 1} (rank {get_rank()}'
            f'): {parts}. Images: {_image_paths(data_batch)}. No checkpoint has '
            'this step: continue from the last one with --resume. If it happens again, '
            'look at these images, lower the learning rate, lengthen the warm-up, or '
            'clip the gradients (optim_wrapper.clip_grad)'
        )


def _image_paths(data_batch: Any) -> str:
    samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
    paths = [getattr(sample, 'img_path', None) for sample in samples or ()]
    return ', '.join(map(str, filter(None, paths))) or 'unknown'
