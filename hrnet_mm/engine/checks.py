"""Hooks that check weights, frozen norms, channels and classes before a job starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.checkpoints import (
    CheckpointError,
    list_shape_mismatches,
    translate_for,
)
from hrnet_mm.images import check_channels
from hrnet_mm.messages import counted, shortened
from hrnet_mm.models import HRNet
from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook


@HOOKS.register_module()
class AnyFamilyHook(OptionalHook):
    """Lets ``load_from`` and ``mim test`` load published checkpoints of every family.

    Raises:
        CheckpointError: If a checkpoint does not fit the model. mmengine would only log
            that, and test or train a randomly initialized model. Training may start
            from a model with other heads; a test may not.
    """

    other_shapes: Sequence[str] = ()
    priority = 'VERY_HIGH'  # before EMAHook, which copies the loaded weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Translate the keys of a checkpoint before the runner loads them."""
        model = unwrap_model(runner.model)
        source = runner.cfg.get('load_from') or 'the checkpoint'
        translate_for(model, checkpoint, source)
        self.other_shapes = list_shape_mismatches(
            checkpoint['state_dict'], model.state_dict()
        )

    def before_train(self, runner: Runner) -> None:
        """Train the tensors that the checkpoint does not have."""
        self.other_shapes = ()

    def before_test(self, runner: Runner) -> None:
        """Refuse a checkpoint of a model with another shape."""
        if self.other_shapes:
            number = counted(len(self.other_shapes), 'tensor')
            raise CheckpointError(
                f'{runner.cfg.get("load_from")} does not fit the model: {number} of '
                f'another shape ({shortened(self.other_shapes)}), which would be '
                'random. Test it with the config of its training, or set the numbers '
                'of classes, keypoints and channels as they were there'
            )


def unwrap_model(model: Any) -> Any:
    """Return a model without DDP and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


@HOOKS.register_module()
class CheckFrozenHook(OptionalHook):
    """A check that the frozen norms of a trunk have pretrained weights.

    Batch norms in eval mode with initial statistics normalize nothing: activations grow
    from block to block, and the loss becomes NaN within a few steps. MMDetection's
    HRNet has ``norm_eval=True`` by default and does that without pretrained weights.

    Raises:
        ValueError: If a frozen norm still has its initial values when training starts.
    """

    def before_train(self, runner: Runner) -> None:
        """Check all trunks after ``init_cfg``, ``load_from`` and ``resume``."""
        for name, module in runner.model.named_modules():
            if isinstance(module, HRNet):
                check_frozen(_strip_wrappers(name), module)


def check_frozen(name: str, trunk: HRNet) -> None:
    """Raise if a frozen norm of a trunk still has its initial values.

    Args:
        name: The name of the trunk in the model, for the message.
        trunk: The trunk, after its weights were loaded.

    Raises:
        ValueError: naming what freezes the norms, and how to load or train them.
    """
    frozen = list(trunk.frozen_norms())
    new = [norm for norm in frozen if _is_untrained(norm)]
    if new:
        raise ValueError(
            f'{name} has norm_eval={trunk.norm_eval} and frozen_stages='
            f'{trunk.frozen_stages}, but {len(new)} of the {len(frozen)} norms that '
            'these freeze have no pretrained weights: the loss would be NaN or noise. '
            f'Load weights (init_cfg=dict(type="Pretrained", checkpoint=FILE) of '
            f'{name}, or load_from=FILE), or train from scratch with norm_eval=False '
            f'and frozen_stages=-1 of {name}.'
        )


def _is_untrained(norm: nn.Module) -> bool:
    if isinstance(norm, _BatchNorm):
        return _is_filled(norm.running_mean, 0) and _is_filled(norm.running_var, 1)
    return _is_filled(norm.bias, 0) and _is_filled(norm.weight, 1)


def _is_filled(values: Any, value: float) -> bool:
    return values is not None and bool((values == value).all())


@HOOKS.register_module()
class CheckChannelsHook(OptionalHook):
    """A check that the data preprocessor fits the ``in_channels`` of the trunk.

    Raises:
        ValueError: If ``mean`` has another length, or ``bgr_to_rgb`` is set for images
            that do not have three channels.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the channels before the first step."""
        check_channels(unwrap_model(runner.model))

    def before_test(self, runner: Runner) -> None:
        """Check the channels before the first image."""
        check_channels(unwrap_model(runner.model))


# Their num_classes does not count the classes of the data, but object or not, or stuff.
CLASS_AGNOSTIC_HEADS = {
    'rpn_head', 'semantic_head', 'panoptic_head', 'panoptic_fusion_head',
}  # fmt: skip


@HOOKS.register_module()
class CheckClassesHook(OptionalHook):
    """A check that ``num_classes`` of all heads fits the classes of the data.

    Without it a CPU fails with an index error, a GPU with an assertion far from the
    cause, and a test scores missing classes with 0. In segmentation the hook also
    compares ``ignore_index`` of data, model and metrics.

    Args:
        exact: Whether ``num_classes`` may not be larger than the number of classes.
        enable: See ``OptionalHook``.

    Raises:
        ValueError: If a head has too few classes, or with ``exact`` too many, or if
            ``ignore_index`` differs; the message has the config keys to set.
    """

    def __init__(self, exact: bool = False, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.exact = exact

    def before_train(self, runner: Runner) -> None:
        """Check the training data."""
        self._check(runner, 'train')

    def before_val(self, runner: Runner) -> None:
        """Check the validation data."""
        self._check(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self._check(runner, 'test')

    def _check(self, runner: Runner, stage: str) -> None:
        dataset = getattr(runner, f'{stage}_dataloader').dataset
        model = unwrap_model(runner.model)
        tasks = getattr(dataset, 'task_data', None)  # of hrnet_mm.universal
        if tasks is None:
            _check_classes('model', model, dataset, self.exact)
            _check_ignore_index(runner, stage, 'model', model, dataset)
            return
        for name in filter(tasks.__contains__, model.tasks):
            path, part = f'model.tasks.{name}', model.tasks[name]
            _check_classes(path, part, tasks[name], self.exact)
            _check_ignore_index(runner, stage, path, part, tasks[name], name)


def _check_classes(
    key: str, model: nn.Module, dataset: Any, exact: bool = False
) -> None:
    described = _description(dataset)
    classes = described.get('classes')
    if not classes:
        return
    things, stuff = (
        len(described.get(f'{kind}_classes', ())) for kind in ('thing', 'stuff')
    )
    wanted = dict(num_classes=len(classes))
    if things:  # panoptic data: heads of boxes and masks have the things only
        wanted = dict(
            num_classes=things, num_things_classes=things, num_stuff_classes=stuff
        )
    wrong = []
    for field, outputs in _class_fields(key, model):
        number = wanted.get(field.rpartition('.')[2], outputs)
        if outputs < number or (exact and outputs > number):
            wrong.append((outputs, number, field))
    if wrong:
        outputs, _, field = wrong[0]
        keys = ' '.join(f'{path}={number}' for _, number, path in wrong)
        split = f', {things} of them things' if things else ''
        raise ValueError(
            f'the data ({type(dataset).__name__}) have {len(classes)} classes{split} '
            f'({shortened(classes)}), but {field.rpartition(".")[0]} has '
            f'{field.rpartition(".")[2]}={outputs}. Set {keys}'
        )


def _class_fields(path: str, model: nn.Module) -> Iterator[tuple[str, int]]:
    # config keys of numbers of classes, and their values
    for name, part in model.named_modules():
        parts = [*filter(None, name.split('.'))]
        for key in ('num_classes', 'num_things_classes', 'num_stuff_classes'):
            number = getattr(part, key, None)
            other = not parts or {*parts} & CLASS_AGNOSTIC_HEADS
            if number is not None and not (key == 'num_classes' and other):
                yield '.'.join([path, *parts, key]), number


def _check_ignore_index(
    runner: Runner,
    stage: str,
    path: str,
    model: nn.Module,
    dataset: Any,
    task: str | None = None,
) -> None:
    ignored = getattr(dataset, 'ignore_index', None)
    if ignored is None:
        return
    indices = dict(_ignore_indices(path, model))
    if stage != 'train':
        evaluator = getattr(runner, f'{stage}_loop').evaluator
        key = f'{stage}_evaluator'
        if task is not None:
            evaluator, key = evaluator.evaluators.get(task), f'{key}.metrics.{task}'
        for metric in evaluator.metrics if evaluator else ():
            indices[f'{key}.ignore_index'] = getattr(metric, 'ignore_index', ignored)
    wrong = {key: index for key, index in indices.items() if index != ignored}
    if wrong:
        raise ValueError(
            f'the data ({type(dataset).__name__}) have ignore_index={ignored}, but '
            + ', '.join(f'{key}={index}' for key, index in wrong.items())
            + ': pixels to ignore would count. Set '
            + ' '.join(f'{key}={ignored}' for key in wrong)
        )


def _ignore_indices(key: str, model: nn.Module) -> Iterator[tuple[str, int]]:
    for name, part in model.named_modules():
        path = f'{key}.{name}'
        if hasattr(part, 'num_classes') and hasattr(part, 'ignore_index'):
            yield f'{path}.ignore_index', part.ignore_index
        if hasattr(part, 'seg_pad_val'):
            yield f'{path}.seg_pad_val', part.seg_pad_val


def _description(dataset: Any) -> dict[str, Any]:
    metainfo = dataset.metainfo  # a list for a ConcatDataset of different parts
    parts = metainfo if isinstance(metainfo, list) else [metainfo or {}]
    return max(parts, key=lambda part: len(part.get('classes') or ()), default={})


def _strip_wrappers(name: str) -> str:
    while name.split('.')[0] == 'module':
        name = name.removeprefix('module').removeprefix('.')
    return name
