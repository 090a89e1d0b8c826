"""Hooks for the stock runner."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from hrnet_mm.checkpoints import translate_for
from hrnet_mm.data.checked import shortened
from hrnet_mm.models import HRNet
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
    processor that takes longer in it stays in the default layout.
    """

    def before_train(self, runner: Runner) -> None:
        """After ``load_from`` and ``resume``, before the first step."""
        if trains_sooner_in_channels_last(next(runner.model.parameters()).device):
            to_channels_last(runner.model)
            wrap_again(runner)
        for part in wrappers(runner.optim_wrapper):
            lay_out_like_weights(part.optimizer)

    def before_test(self, runner: Runner) -> None:
        """Before the first image."""
        to_channels_last(runner.model)


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
        if multiplies_bfloat16(device):
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


@HOOKS.register_module()
class SeedStepHook(Hook):
    """Seeds what the model itself draws from (seed, step, rank): dropout, CutMix.

    No checkpoint holds the state of torch's and numpy's generators, so a resumed job
    would draw something else. For augmentation see ``hrnet_mm.data.seeding``.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Before each step."""
        seed = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        np.random.seed(seed.generate_state(1))


@HOOKS.register_module()
class AnyFamilyHook(Hook):
    """Lets ``load_from`` and ``mim test`` take the published files of every family.

    Raises:
        CheckpointError: if a file does not fit the model. mmengine would log that, and
            test or train random numbers.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Between reading a file and loading it."""
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        source = runner.cfg.get('load_from') or 'the checkpoint'
        translate_for(model, checkpoint, source)


@HOOKS.register_module()
class CheckFrozenHook(Hook):
    """What a trunk freezes must have been trained before.

    Batch norms in eval mode with the statistics of a new layer normalize nothing: from
    block to block the activations grow, and the loss is NaN in the first step or some
    steps later. MMDetection's HRNet, which has ``norm_eval=True`` by default, does that
    without pretrained weights.

    Raises:
        ValueError: if a frozen norm is as new when training begins, after all weights
            were loaded.
    """

    def before_train(self, runner: Runner) -> None:
        """After ``init_cfg``, ``load_from`` and ``resume``, before the first step."""
        for name, module in runner.model.named_modules():
            if isinstance(module, HRNet):
                check_frozen(without_wrappers(name), module)


def check_frozen(name: str, trunk: HRNet) -> None:
    """Refuse a trunk with frozen norms that no weights were loaded into."""
    frozen = list(trunk.frozen_norms())
    new = [norm for norm in frozen if is_new(norm)]
    if new:
        raise ValueError(
            f'{name} has norm_eval={trunk.norm_eval} and frozen_stages='
            f'{trunk.frozen_stages}, but {len(new)} of the {len(frozen)} norms that '
            'stay as they are for that hold no weights: the loss would be NaN or noise.'
            f' Load weights (init_cfg=dict(type="Pretrained", checkpoint=FILE) of '
            f'{name}, or load_from=FILE), or train from scratch with norm_eval=False '
            f'and frozen_stages=-1 of {name}.'
        )


def is_new(norm: nn.Module) -> bool:
    """Whether a norm is as it was built: no step, no checkpoint changed it."""
    if isinstance(norm, _BatchNorm):
        return is_all(norm.running_mean, 0) and is_all(norm.running_var, 1)
    return is_all(norm.bias, 0) and is_all(norm.weight, 1)


def is_all(values: Any, value: float) -> bool:
    """Whether a tensor is there and holds one value."""
    return values is not None and bool((values == value).all())


# What is told apart there is not the classes of the data: object or not, stuff.
OTHER_CLASSES = ('rpn_head', 'semantic_head')


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Every class of the data has its place in every head.

    Without it a CPU stops at an index, a GPU at an assertion far from the cause, and a
    test scores the classes that are missing with 0.

    Args:
        exact: Refuse a head of more classes, too.

    Raises:
        ValueError: if the classes of the data and of a head are not as many.
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact

    def before_train(self, runner: Runner) -> None:
        """The training data."""
        check_classes(runner.model, runner.train_dataloader.dataset, self.exact)

    def before_val(self, runner: Runner) -> None:
        """The validation data."""
        check_classes(runner.model, runner.val_dataloader.dataset, self.exact)

    def before_test(self, runner: Runner) -> None:
        """The test data."""
        check_classes(runner.model, runner.test_dataloader.dataset, self.exact)


def check_classes(model: nn.Module, dataset: Any, exact: bool = False) -> None:
    """Compare ``num_classes`` of all parts of a model with the classes of the data."""
    classes = dataset.metainfo['classes']
    wrong = []
    for name, part in model.named_modules():
        places = getattr(part, 'num_classes', None)
        path = ['model', *without_wrappers(name).split('.')]
        if places is None or path[-1] in ('', *OTHER_CLASSES):
            continue
        if places < len(classes) or (exact and places > len(classes)):
            wrong.append((places, '.'.join(path)))
    if wrong:
        keys = ' '.join(f'{path}.num_classes={len(classes)}' for _, path in wrong)
        raise ValueError(
            f'the data ({type(dataset).__name__}) have {len(classes)} classes '
            f'({shortened(classes)}), {wrong[0][1]} has num_classes={wrong[0][0]}. '
            f'Set {keys}'
        )


def without_wrappers(name: str) -> str:
    """The name of a module in the model, without DDP and test-time augmentation."""
    while name.split('.')[0] == 'module':
        name = name.removeprefix('module').removeprefix('.')
    return name


class SparseVisualization:
    """Mixin for visualization hooks: the first image of each ``interval``-th batch.

    The stock ones, once enabled, read every image in validation and draw every one in
    testing, which takes hours on COCO; so they are off by default, and nobody sees
    pictures. Where the test has a folder to draw into (``--show-dir``), all are drawn.
    """

    interval: int
    test_out_dir: str | None = None

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction."""
        if batch_idx % self.interval == 0:
            # the stock hook counts from the training step, and would hit or miss
            interval, self.interval = self.interval, 1
            super().after_val_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, outputs
            )
            self.interval = interval

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction, or with ``interval=1`` all."""
        all_of_them = self.interval == 1 or self.test_out_dir is not None
        if all_of_them or batch_idx % self.interval == 0:
            drawn = outputs if all_of_them else outputs[:1]
            super().after_test_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, drawn
            )
