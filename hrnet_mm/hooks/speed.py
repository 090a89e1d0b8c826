"""Layout, precision and CUDA graphs of training."""

from __future__ import annotations

import gc

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch.nn.parallel import DistributedDataParallel

from hrnet_mm.models.layout import (
    lay_out_like_weights,
    to_channels_last,
    trains_sooner_in_channels_last,
)
from hrnet_mm.models.precision import multiplies_bfloat16, train_in_bfloat16
from hrnet_mm.models.training_graph import train_in_graphs
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keeps the weights in channels_last, which every convolution then puts out.

    The layout that oneDNN and tensor cores compute in: without it each small
    convolution converts its input and output. See ``to_channels_last``. Training on a
    processor that takes longer in it stays in the default layout, and so does a model
    in a wrapper that cannot be built again: those of ``FlexibleRunner``, FSDP, one DDP
    for each part.
    """

    def before_train(self, runner: Runner) -> None:
        """After ``load_from`` and ``resume``, before the first step."""
        device = next(runner.model.parameters()).device
        if trains_sooner_in_channels_last(device) and can_wrap_again(runner):
            to_channels_last(runner.model)
            wrap_again(runner)
        for part in wrappers(runner.optim_wrapper):
            lay_out_like_weights(part.optimizer)

    def before_test(self, runner: Runner) -> None:
        """Before the first image."""
        to_channels_last(runner.model)


def can_wrap_again(runner: Runner) -> bool:
    """Whether the model has no wrapper, or one that ``wrap_again`` can replace."""
    if is_model_wrapper(runner.model):
        is_ddp = isinstance(runner.model, DistributedDataParallel)
        return is_ddp and hasattr(runner, 'wrap_model')
    return True


def wrap_again(runner: Runner) -> None:
    """Let DDP see the layout of the weights, which it notes when it is built.

    It reads the first gradients with one layout and writes them with the other: each
    weight of a 3x3 convolution would get the gradient of another one.
    """
    if isinstance(runner.model, DistributedDataParallel):
        runner.model = runner.model.module
        gc.collect()  # takes the hooks of the old one off the parameters
        runner.model = runner.wrap_model(
            runner.cfg.get('model_wrapper_cfg'), runner.model
        )
        runner._maybe_compile('train_step')


def wrappers(wrapper: OptimWrapper | OptimWrapperDict) -> list[OptimWrapper]:
    """Of a runner: one, or one for each part of the model."""
    if isinstance(wrapper, OptimWrapperDict):
        return list(wrapper.optim_wrappers.values())
    return [wrapper]


@HOOKS.register_module()
class Bf16Hook(Hook):
    """Trains trunks in bfloat16, on devices that multiply it.

    Weights and their updates stay in float32, as do heads, losses and the operators of
    mmcv, some of which know no bfloat16. So does inference.

    Args:
        enable: False trains in float32 everywhere.
    """

    def __init__(self, enable: bool = True) -> None:
        self.enable = enable

    def before_train(self, runner: Runner) -> None:
        """When the model is where it trains."""
        device = next(runner.model.parameters()).device
        if not self.enable:
            return
        if runner.cfg.get('compile'):
            runner.logger.info(
                'The trunk trains in float32: torch.compile cannot trace the change to '
                'bfloat16 and back'
            )
        elif multiplies_bfloat16(device):
            runner.logger.info('The trunk trains in bfloat16, all else in float32')
            train_in_bfloat16(runner.model)
        else:
            runner.logger.info(
                'The trunk trains in float32: bfloat16 would take longer on this '
                f'{device.type}'
            )


@HOOKS.register_module()
class CudaGraphHook(Hook):
    """Trains trunks as CUDA graphs, on a GPU, in batches of one size.

    See ``TrainingGraph``. Where gradients are accumulated, trunks train as ever.

    Args:
        enable: False launches each kernel everywhere.
    """

    def __init__(self, enable: bool = True) -> None:
        self.enable = enable

    def before_train(self, runner: Runner) -> None:
        """When the model is where it trains."""
        accumulated = any(
            part._accumulative_counts > 1 for part in wrappers(runner.optim_wrapper)
        )
        if self.enable and not accumulated:
            train_in_graphs(runner.model)
