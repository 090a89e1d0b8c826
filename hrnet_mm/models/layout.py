"""The memory layout that convolutions compute in."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

# Parts of the task libraries that compute the same in channels_last: those of our
# recipes, and what is commonly put on our trunk in their place. Tested in
# tests/models/test_layout.py; the loss functions are known, too.
VERIFIED = frozenset(
    {
        'HeatmapHead',
        'GlobalAveragePooling',
        'LinearClsHead',
        'FCNHead',
        'HRFPN',
        'FPN',
        'RPNHead',
        'FCOSHead',
        'RetinaHead',
        'StandardRoIHead',
        'CascadeRoIHead',
        'HybridTaskCascadeRoIHead',
        'SingleRoIExtractor',
        'Shared2FCBBoxHead',
        'Shared4Conv1FCBBoxHead',
        'FCNMaskHead',
        'HTCMaskHead',
        'FusedSemanticHead',
    }
)
# Whose modules only call torch's operators, which take any layout.
PACKAGES = ('torch', 'mmengine', 'mmcv', 'hrnet_mm')
# Where the convolutions are defined whose weights nobody but torch's kernels reads.
CONVOLUTIONS = ('torch.nn.modules.conv', 'mmcv.cnn.bricks.wrappers')


def to_channels_last(model: Any) -> None:
    """Compute in channels_last where that gives the same results.

    Its weights are kept in that layout, and every convolution then puts it out. Other
    layouts are invisible in a shape, and whoever reads memory by itself would compute
    with the values of other places: without an error, if it is compiled, or with one of
    ``view``. So three things keep the default layout: weights of all but plain
    convolutions, what the operators of mmcv are given, and the parts of a model that
    are not known, with all that they are given.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    parts = list(model.children())
    if not parts or any(True for _ in model.parameters(recurse=False)):
        parts = [model]
    known = [part for part in parts if is_known(part)]
    for part in known:
        lay_out(part)
        if len(known) < len(parts):
            part.register_forward_hook(make_outputs_contiguous)


def is_known(part: nn.Module) -> bool:
    """Whether all of a part computes the same in any layout."""
    for module in part.modules():
        kind = type(module)
        package = kind.__module__.split('.')[0]
        is_loss = '.losses.' in kind.__module__
        is_preprocessor = kind.__module__.endswith('.data_preprocessor')
        if package not in PACKAGES and not (
            is_loss or is_preprocessor or kind.__name__ in VERIFIED
        ):
            return False
    return True


def lay_out(module: nn.Module) -> None:
    """Keep the weights of plain convolutions in channels_last."""
    kind = type(module)
    if kind.__module__.startswith('mmcv.ops.'):
        # with what they contain: offsets are computed there, and read by the operator
        module.register_forward_pre_hook(make_contiguous)
        return
    if kind.__name__ == 'HeatmapHead':  # MMPose views the maps, to mirror offsets
        module.get_submodule('final_layer').register_forward_hook(
            make_outputs_contiguous
        )
    if is_convolution(kind):
        module.to(memory_format=torch.channels_last)
    for child in module.children():
        lay_out(child)


def is_convolution(kind: type[nn.Module]) -> bool:
    """Whether modules of a class hand their weights to torch as they are."""
    if not issubclass(kind, nn.modules.conv._ConvNd):
        return False
    places = {kind.forward.__module__}
    if hasattr(kind, '_conv_forward'):
        places.add(kind._conv_forward.__module__)
    return all(
        place in CONVOLUTIONS or place.startswith('hrnet_mm.') for place in places
    )


def trains_sooner_in_channels_last(device: torch.device) -> bool:
    """Whether a training step takes less time in that layout, as inference does.

    Not where AVX2 is the widest there is: oneDNN's backward of 3x3 convolutions then
    takes longer in it than in the default layout.
    """
    return device.type != 'cpu' or torch.backends.cpu.get_cpu_capability() != 'AVX2'


def lay_out_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Give momenta the layout of their weights.

    Those of a checkpoint may have another one, and fused optimizers go through the
    memory of both: each weight would get the momentum of another one, without an error.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter.data, dtype=value.dtype)
                state[name].copy_(value)


def make_contiguous(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an operator, in the default layout."""
    return tuple(a.contiguous() if isinstance(a, Tensor) else a for a in args)


def make_outputs_contiguous(module: nn.Module, args: Any, outputs: Any) -> Any:
    """Convert the outputs to the default layout, for parts that are not known."""
    return tree_map_only(Tensor, Tensor.contiguous, outputs)
