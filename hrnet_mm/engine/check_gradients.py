"""Distributed training needs a gradient of each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet
from hrnet_mm.registry import HOOKS

from .optional_hook import OptionalHook


@HOOKS.register_module()
class CheckGradientsHook(OptionalHook):
    """Under DDP, each parameter that trains gets a gradient from the losses.

    DDP itself stops in the second step, with the indices of the parameters. This looks
    at the losses of the first batch of each epoch, before their backward pass. It does
    nothing in one process without DDP, with ``find_unused_parameters=True`` or
    ``static_graph=True``, or if the model is compiled.

    Raises:
        ValueError: with the names of the parameters, and the keys to set.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Look at the losses of the next batch."""
        model = runner.model
        if (
            isinstance(model, MMDistributedDataParallel)
            and not model.find_unused_parameters
            and not model.static_graph
            and not runner.cfg.get('compile')
        ):

            def check_once(
                model: MMDistributedDataParallel, args: Any, losses: dict[str, Any]
            ) -> None:
                handle.remove()
                check_gradients(model, losses)

            handle = model.register_forward_hook(check_once)


def check_gradients(model: MMDistributedDataParallel, losses: dict[str, Any]) -> None:
    """Refuse a model with parameters that do not contribute to any loss."""
    reached = parameters_behind(tensors_of(losses))
    if reached is None:
        return
    trained = {
        name: parameter
        for name, parameter in model.module.named_parameters()
        if parameter.requires_grad and name not in model.parameters_to_ignore
    }
    unused = {name: p for name, p in trained.items() if p not in reached}
    if not unused:
        return
    way_out = 'Leave these layers out of the model'
    for name, trunk in model.module.named_modules():
        if isinstance(trunk, HRNet) and set(unused.values()) <= lower_streams(trunk):
            key = '.'.join(['model', *filter(None, [name]), 'multiscale_output'])
            way_out = f'Only stream 0 of the trunk is used: set {key}=False'
    raise ValueError(
        f'{len(unused)} of {len(trained)} parameters get no gradient from the losses '
        f'({shortened([*unused])}), and distributed training would stop in its second '
        f'step. {way_out}, or set find_unused_parameters=True, which is slower'
    )


def tensors_of(losses: dict[str, Any]) -> Iterator[Tensor]:
    """Yield the losses that mmengine adds up."""
    for name, values in losses.items():
        if 'loss' in name:
            yield from [values] if isinstance(values, Tensor) else values


def parameters_behind(losses: Iterable[Tensor]) -> set[Tensor] | None:
    """The parameters that get a gradient; None where a checkpoint hides some."""
    todo = [loss.grad_fn for loss in losses if loss.grad_fn is not None]
    seen = set(todo)
    reached = set()
    while todo:
        node = todo.pop()
        if type(node).__name__ == 'CheckpointFunctionBackward':  # a reentrant one
            return None
        if hasattr(node, 'variable'):
            reached.add(node.variable)
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                todo.append(following)
    return reached


def lower_streams(trunk: HRNet) -> set[nn.Parameter]:
    """Return the parameters that only the streams below 0 need."""
    *_, last = trunk.stage4
    _, *rows = last.fuse_layers
    return {parameter for row in rows for parameter in row.parameters()}
