"""Optimization of models for inference, with fused convolutions and compiled graphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any
from warnings import warn

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_map_only

from hrnet_mm.models import HRNet
from hrnet_mm.models.checks import check_input
from hrnet_mm.models.layers import ResidualBlock
from hrnet_mm.models.precision import has_bfloat16_arithmetic
from hrnet_mm.registry import MODELS

from .fused_conv import is_traced
from .fusion import fuse
from .graphs import CompiledGraph, capture

Size = Sequence[int]


def deploy(
    model: nn.Module, *, sizes: Sequence[Size] = (), dtype: torch.dtype = torch.float32
) -> Any:
    """Return a copy of a model that is optimized for inference.

    The trunk becomes a graph of fused convolutions, and norms of necks and heads are
    folded into the convolutions before them. The rest is unchanged: the copy has all
    methods of the model and can replace it. ``model`` itself is not modified.

    Args:
        model: A trunk with its weights, or a model of any OpenMMLab library with one.
        sizes: Input sizes of the trunk, ``(N, C, H, W)``, to compile, each at its first
            use and within seconds: by oneDNN Graph on CPU, as a CUDA graph on GPU.
            Other sizes work, too.
        dtype: The dtype to compute in: ``torch.float32`` or ``torch.bfloat16``. Inputs
            and outputs keep theirs.

    Raises:
        ValueError: if there is no HRNet in the model, or ``dtype`` is not supported.
    """
    if not any(isinstance(module, HRNet) for module in model.modules()):
        raise ValueError(
            f'{type(model).__name__} holds no hrnet_mm.HRNet. To replace the HRNet of '
            'another library, set custom_imports=dict(imports=["hrnet_mm.dropin"]) in '
            'the config'
        )
    device = next(model.parameters()).device
    if _check_dtype(dtype) == torch.bfloat16 and not has_bfloat16_arithmetic(device):
        warn(
            'no bfloat16 on this device: using float32, which is faster here',
            stacklevel=2,
        )
        dtype = torch.float32
    copy = deepcopy(model).eval().requires_grad_(False)
    return _optimize_parts(copy, sizes, dtype).eval()


def _check_dtype(dtype: Any) -> torch.dtype:
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f'dtype={dtype!r} is not one of float32, bfloat16')
    return dtype


def _optimize_parts(
    module: nn.Module, sizes: Sequence[Size], dtype: torch.dtype
) -> nn.Module:
    # replaces, in the module, all parts that can be optimized
    if isinstance(module, HRNet):
        trunk: Any = _FusedModule(module, dtype, sizes)
        trunk.in_channels, trunk.out_channels = module.in_channels, module.out_channels
        trunk.register_forward_pre_hook(check_input)
        return trunk
    if isinstance(module, ResidualBlock):
        return _FusedModule(module, dtype)
    for owner, conv, norm in _find_conv_norm_pairs(module):
        pair = nn.Sequential(owner.get_submodule(conv), owner.get_submodule(norm))
        setattr(owner, conv, _FusedModule(pair, dtype))
        setattr(owner, norm, nn.Identity())
    for name, child in module.named_children():
        if not isinstance(child, _FusedModule):
            setattr(module, name, _optimize_parts(child, sizes, dtype))
    return module


def _find_conv_norm_pairs(module: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    # pairs of children, a convolution and the batch norm after it, by their names
    names = [name for name, _ in module.named_children()]
    if isinstance(module, ConvModule):
        if module.with_norm and module.order == ('conv', 'norm', 'act'):
            pairs = [('conv', module.norm_name)]
        else:
            pairs = []
    elif isinstance(module, nn.Sequential):
        pairs = list(pairwise(names))
    else:
        pairs = []
    for conv, norm in pairs:
        first, second = module.get_submodule(conv), module.get_submodule(norm)
        if type(first) is nn.Conv2d and isinstance(second, _BatchNorm):
            yield module, conv, norm


class _FusedModule(nn.Module):
    # a graph of fused convolutions that replaces a module in eval mode

    def __init__(
        self, module: nn.Module, dtype: torch.dtype, sizes: Sequence[Size] = ()
    ) -> None:
        super().__init__()
        self.fused = fuse(module).to(dtype)
        self.dtype = dtype
        self.sizes = {torch.Size(size) for size in sizes}
        self._captured: dict[torch.Size, CompiledGraph] = {}

    def forward(self, x: Tensor) -> Any:
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            y = self._run(x.to(self.dtype, memory_format=torch.channels_last))
        # later operators may support the contiguous memory format only
        default = (
            dict(memory_format=torch.contiguous_format) if x.is_contiguous() else {}
        )
        return tree_map_only(Tensor, lambda t: t.to(x.dtype, **default), y)

    def _run(self, x: Tensor) -> Any:
        if not self.sizes or is_traced():
            return self.fused(x)
        if x.shape in self.sizes and x.shape not in self._captured:
            try:
                self._captured[x.shape] = capture(self.fused, x)
            except RuntimeError as error:
                self._captured[x.shape] = self.fused
                warn(f'{tuple(x.shape)} could not be compiled: {error}', stacklevel=2)
        return self._captured.get(x.shape, self.fused)(x)

    def _apply(self, *args: Any, **kwargs: Any) -> _FusedModule:
        # another dtype or device must be compiled again
        self._captured.clear()
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # compiled graphs cannot be copied
        return self.__dict__ | dict(_captured={})


@MODELS.register_module()
class DeployedHRNet(HRNet):
    """HRNet that uses its deployed copy for inference, and itself in training.

    Use it in configs: ``--cfg-options model.backbone.type=hrnet_mm.DeployedHRNet`` for
    ``mim test``, for validation during training, and in the inferencers. The copy is
    made again when the weights change.

    Args:
        sizes, dtype: See ``deploy``; ``dtype`` is given by its name.
        args, kwargs: Arguments of ``HRNet``.
    """

    def __init__(
        self,
        *args: Any,
        sizes: Sequence[Size] = (),
        dtype: str = 'float32',
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._deploy_arguments: dict[str, Any] = dict(
            sizes=sizes, dtype=_check_dtype(getattr(torch, dtype, dtype))
        )
        # in a list, so that it is not registered as a submodule and saved
        self._deployed: list[Any] = []

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.training or torch.is_grad_enabled() or isinstance(x, Proxy):
            return super().forward(x)
        if not self._deployed:
            self._deployed = [deploy(self, **self._deploy_arguments)]
        return tuple(self._deployed[0](x))

    def train(self, mode: bool = True) -> DeployedHRNet:
        """Set the mode and drop the deployed copy, whose weights may have changed."""
        self._deployed = []
        super().train(mode)
        return self

    def _apply(self, *args: Any, **kwargs: Any) -> DeployedHRNet:
        self._deployed = []
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._deployed = []
        super()._load_from_state_dict(*args, **kwargs)
