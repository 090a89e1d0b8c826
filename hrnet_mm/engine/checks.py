"""What must fit before a job begins: weights, frozen norms, channels, classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.checkpoints import translate_for
from hrnet_mm.images import check_channels
from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet
from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook


@HOOKS.register_module()
class AnyFamilyHook(OptionalHook):
    """Lets ``load_from`` and ``mim test`` take the published files of every family.

    Raises:
        CheckpointError: if a file does not fit the model. mmengine would log that, and
            test or train random numbers.
    """

    priority = 'VERY_HIGH'  # before EMAHook, which copies what was loaded

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Between reading a file and loading it."""
        model = bare(runner.model)
        source = runner.cfg.get('load_from') or 'the checkpoint'
        translate_for(model, checkpoint, source)


def bare(model: Any) -> Any:
    """Return a model without DDP and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


@HOOKS.register_module()
class CheckFrozenHook(OptionalHook):
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


@HOOKS.register_module()
class CheckChannelsHook(OptionalHook):
    """The preprocessor is of images with as many channels as the trunk takes.

    Raises:
        ValueError: if ``mean`` or ``bgr_to_rgb`` are of others.
    """

    def before_train(self, runner: Runner) -> None:
        """Before the first step."""
        check_channels(bare(runner.model))

    def before_test(self, runner: Runner) -> None:
        """Before the first image."""
        check_channels(bare(runner.model))


# What is told apart there is not the classes of the data: object or not, stuff.
OTHER_CLASSES = ('rpn_head', 'semantic_head')


@HOOKS.register_module()
class CheckClassesHook(OptionalHook):
    """Every class of the data has its place in every head.

    Without it a CPU stops at an index, a GPU at an assertion far from the cause, and a
    test scores the classes that are missing with 0. In segmentation, data, model and
    metrics also agree on the label of the pixels that do not count.

    Args:
        exact: Refuse a head of more classes, too.
        enable: See ``OptionalHook``.

    Raises:
        ValueError: if the classes of the data and of a head are not as many, or
            ``ignore_index`` differs.
    """

    def __init__(self, exact: bool = False, *, enable: bool = True) -> None:
        super().__init__(enable=enable)
        self.exact = exact

    def before_train(self, runner: Runner) -> None:
        """The training data."""
        check_classes(runner.model, runner.train_dataloader.dataset, self.exact)
        check_ignore_index(runner, 'train')

    def before_val(self, runner: Runner) -> None:
        """The validation data."""
        check_classes(runner.model, runner.val_dataloader.dataset, self.exact)
        check_ignore_index(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        """The test data."""
        check_classes(runner.model, runner.test_dataloader.dataset, self.exact)
        check_ignore_index(runner, 'test')


def check_classes(model: nn.Module, dataset: Any, exact: bool = False) -> None:
    """Compare ``num_classes`` of all parts of a model with the classes of the data."""
    classes = classes_of(dataset)
    if classes is None:
        return
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


def check_ignore_index(runner: Runner, stage: str) -> None:
    """Compare the label of pixels that do not count: of label maps, heads, metrics."""
    dataset = getattr(runner, f'{stage}_dataloader').dataset
    ignored = getattr(dataset, 'ignore_index', None)
    if ignored is None:
        return
    told = dict(ignored_by_model(runner.model))
    if stage != 'train':
        for metric in getattr(runner, f'{stage}_loop').evaluator.metrics:
            told[f'{stage}_evaluator.ignore_index'] = getattr(
                metric, 'ignore_index', ignored
            )
    wrong = {key: index for key, index in told.items() if index != ignored}
    if wrong:
        raise ValueError(
            f'the data ({type(dataset).__name__}) have ignore_index={ignored}, but '
            + ', '.join(f'{key}={index}' for key, index in wrong.items())
            + ': pixels that do not count would. Set '
            + ' '.join(f'{key}={ignored}' for key in wrong)
        )


def ignored_by_model(model: nn.Module) -> Iterator[tuple[str, int]]:
    """Keys of a config, and the labels that heads ignore and images are padded with."""
    for name, part in model.named_modules():
        path = f'model.{without_wrappers(name)}'
        if hasattr(part, 'num_classes') and hasattr(part, 'ignore_index'):
            yield f'{path}.ignore_index', part.ignore_index
        if hasattr(part, 'seg_pad_val'):
            yield f'{path}.seg_pad_val', part.seg_pad_val


def classes_of(dataset: Any) -> Sequence[str] | None:
    """The names of the classes, of the part that has most; None if there are none.

    ``ConcatDataset`` of MMDetection has a list of ``metainfo`` if its parts differ.
    """
    metainfo = dataset.metainfo
    parts = metainfo if isinstance(metainfo, list) else [metainfo or {}]
    named = [part['classes'] for part in parts if part.get('classes')]
    return max(named, key=len, default=None)


def without_wrappers(name: str) -> str:
    """The name of a module in the model, without DDP and test-time augmentation."""
    while name.split('.')[0] == 'module':
        name = name.removeprefix('module').removeprefix('.')
    return name
