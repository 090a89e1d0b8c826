"""A hook that names the parameters that get no gradient under DDP."""

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
    """A check that every trainable parameter gets a gradient under DDP.

    DDP itself fails in the second step and prints only the indices of the parameters.
    This hook follows the autograd graph of the first batch of each epoch before its
    backward pass. It does nothing without DDP, with ``find_unused_parameters=True`` or
    ``static_graph=True``, or if the model is compiled.

    Raises:
        ValueError: If a parameter gets no gradient; the message has the names of these
            parameters and the config keys to set.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Check the losses of the next batch."""
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
                _check_gradients(model, losses)

            handle = model.register_forward_hook(check_once)


def _check_gradients(model: MMDistributedDataParallel, losses: dict[str, Any]) -> None:
    reached = _parameters_behind(_losses_of(losses))
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
        is_trunk = isinstance(trunk, HRNet)
        shared = hasattr(model.module, 'tasks')  # frozen ones read all streams
        if is_trunk and not shared and set(unused.values()) <= _lower_parameters(trunk):
            key = '.'.join(['model', *filter(None, [name]), 'multiscale_output'])
            way_out = f'Only stream 0 of the trunk is used: set {key}=False'
    raise ValueError(
        f'{len(unused)} of {len(trained)} parameters get no gradient from the losses '
        f'({shortened([*unused])}), and distributed training would stop in its second '
        f'step. {way_out}, or set find_unused_parameters=True, which is slower'
    )


def _losses_of(losses: dict[str, Any]) -> Iterator[Tensor]:
    # mmengine sums up only the entries with "loss" in their name
    for name, values in losses.items():
        if 'loss' in name:
            yield from [values] if isinstance(values, Tensor) else values


def _parameters_behind(losses: Iterable[Tensor]) -> set[Tensor] | None:
    todo = [loss.grad_fn for loss in losses if loss.grad_fn is not None]
    seen = set(todo)
    reached = set()
    while todo:
        node = todo.pop()
        if type(node).__name__ == 'CheckpointFunctionBackward':
            return None  # reentrant checkpointing hides parameters from the graph
        if hasattr(node, 'variable'):
            reached.add(node.variable)
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                todo.append(following)
    return reached


def _lower_parameters(trunk: HRNet) -> set[nn.Parameter]:
    # parameters that only the streams below stream 0 use
    *_, last = trunk.stage4
    _, *rows = last.fuse_layers
    return {parameter for row in rows for parameter in row.parameters()}
