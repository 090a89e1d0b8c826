"""A look at model and data together, before the first step."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from hrnet_mm.data.checked import shortened
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Every class of the data has its place in every head.

    Without it a CPU stops at an index, a GPU at an assertion far from the cause, and a
    test scores the classes that are missing with 0.

    Raises:
        ValueError: if the data have more classes than a head.
    """

    def before_train(self, runner: Runner) -> None:
        """The training data."""
        check_classes(runner.model, runner.train_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        """The validation data."""
        check_classes(runner.model, runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """The test data."""
        check_classes(runner.model, runner.test_dataloader.dataset)


def check_classes(model: Any, dataset: Any) -> None:
    """Compare ``num_classes`` of the heads with the classes of the data set."""
    while not hasattr(model, 'decode_head'):  # DDP, test-time augmentation
        model = model.module
    head, classes = model.decode_head, dataset.metainfo['classes']
    heads: list[Any] = [*head] if isinstance(head, nn.ModuleList) else [head]
    most = min(h.num_classes for h in heads)
    if len(classes) > most:
        name = 'every decode_head' if len(heads) > 1 else 'decode_head'
        raise ValueError(
            f'the head has num_classes={most}, {type(dataset).__name__} has '
            f'{len(classes)} classes ({shortened(classes)}): set num_classes='
            f'{len(classes)} in {name} of the model'
        )
