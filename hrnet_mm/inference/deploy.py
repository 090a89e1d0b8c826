"""Models for inference: the same numbers, faster."""

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
from .graphs import Run, capture

Size = Sequence[int]


def deploy(
    model: nn.Module, *, sizes: Sequence[Size] = (), dtype: torch.dtype = torch.float32
) -> Any:
    """A copy of a model, for inference.

    The trunk becomes a graph of fused convolutions, the convolutions of necks and heads
    take up their norms. All else is as it was: the copy has the methods of the model
    and goes wherever it went. ``model`` itself is left alone.

    Args:
        model: A trunk with its weights, or a model of any OpenMMLab library around one.
        sizes: Inputs of the trunk, ``(N, C, H, W)``, to be compiled, each when it first
            comes and within seconds: by oneDNN Graph on CPU, as a CUDA graph on GPU.
            All other sizes work, too.
        dtype: What to compute in: ``torch.float32`` or ``torch.bfloat16``. Inputs and
            outputs stay as they are.

    Raises:
        ValueError: if there is no HRNet in the model, or ``dtype`` is another one.
    """
    if not any(isinstance(module, HRNet) for module in model.modules()):
        raise ValueError(
            f'{type(model).__name__} holds no hrnet_mm.HRNet. That of another library '
            'becomes one with custom_imports=dict(imports=["hrnet_mm.dropin"]) in the '
            'config'
        )
    device = next(model.parameters()).device
    if checked(dtype) == torch.bfloat16 and not has_bfloat16_arithmetic(device):
        warn('no bfloat16 on this device: float32 is faster here', stacklevel=2)
        dtype = torch.float32
    copy = deepcopy(model).eval().requires_grad_(False)
    return deployed(copy, sizes, dtype).eval()


def checked(dtype: Any) -> torch.dtype:
    """A type that is computed in."""
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f'dtype={dtype!r} is not one of float32, bfloat16')
    return dtype


def deployed(module: nn.Module, sizes: Sequence[Size], dtype: torch.dtype) -> nn.Module:
    """A module, with all in it that can be deployed."""
    if isinstance(module, HRNet):
        trunk: Any = Deployed(module, dtype, sizes)
        trunk.in_channels, trunk.out_channels = module.in_channels, module.out_channels
        trunk.register_forward_pre_hook(check_input)
        return trunk
    if isinstance(module, ResidualBlock):
        return Deployed(module, dtype)
    for owner, conv, norm in folding(module):
        pair = nn.Sequential(owner.get_submodule(conv), owner.get_submodule(norm))
        setattr(owner, conv, Deployed(pair, dtype))
        setattr(owner, norm, nn.Identity())
    for name, child in module.named_children():
        if not isinstance(child, Deployed):
            setattr(module, name, deployed(child, sizes, dtype))
    return module


def folding(module: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """The convolutions that are followed by a batch norm: their names in a module."""
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


class Deployed(nn.Module):
    """A graph of fused convolutions, in the place of a module.

    Args:
        module: In eval mode.
        dtype, sizes: See ``deploy``.
    """

    def __init__(
        self, module: nn.Module, dtype: torch.dtype, sizes: Sequence[Size] = ()
    ) -> None:
        super().__init__()
        self.fused = fuse(module).to(dtype)
        self.dtype = dtype
        self.sizes = {torch.Size(size) for size in sizes}
        self._captured: dict[torch.Size, Run] = {}

    def forward(self, x: Tensor) -> Any:
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            y = self._run(x.to(self.dtype, memory_format=torch.channels_last))
        # operators after it may take the default memory format only
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

    def _apply(self, *args: Any, **kwargs: Any) -> Deployed:
        """Of another type, or on another device: to be compiled anew."""
        self._captured.clear()
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """For copies: what is compiled is not copied."""
        return self.__dict__ | dict(_captured={})


@MODELS.register_module()
class DeployedHRNet(HRNet):
    """HRNet that is deployed for inference, and is itself in training.

    For configs: ``--cfg-options model.backbone.type=hrnet_mm.DeployedHRNet`` in
    ``mim test``, in the validation of a training, in the inferencers. Whenever the
    weights change, it is deployed anew.

    Args:
        sizes, dtype: See ``deploy``; ``dtype`` by its name.
        kwargs: Those of ``HRNet``.
    """

    def __init__(
        self,
        *args: Any,
        sizes: Sequence[Size] = (),
        dtype: str = 'float32',
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._how: dict[str, Any] = dict(
            sizes=sizes, dtype=checked(getattr(torch, dtype, dtype))
        )
        self._deployed: list[Any] = []  # not a submodule: it has no weights to save

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.training or torch.is_grad_enabled() or isinstance(x, Proxy):
            return super().forward(x)
        if not self._deployed:
            self._deployed = [deploy(self, **self._how)]
        return tuple(self._deployed[0](x))

    def train(self, mode: bool = True) -> DeployedHRNet:
        """Set the mode; weights may have changed."""
        self._deployed = []
        super().train(mode)
        return self

    def _apply(self, *args: Any, **kwargs: Any) -> DeployedHRNet:
        self._deployed = []
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._deployed = []
        super()._load_from_state_dict(*args, **kwargs)
