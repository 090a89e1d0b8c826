"""Optimization of models for inference, with fused convolutions and compiled graphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import chain, pairwise
from typing import Any
from warnings import warn

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks
from torch.utils._pytree import tree_map_only

from hrnet_mm.models import HRNet
from hrnet_mm.models.checks import check_input
from hrnet_mm.models.layers import Config, ResidualBlock
from hrnet_mm.models.precision import has_bfloat16_arithmetic, is_autocast
from hrnet_mm.registry import MODELS

from .fused_conv import can_fold, is_traced
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
        if type(first) is nn.Conv2d and can_fold(second):
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


class DeployedCopy:
    """The deployed copy of a trunk, for inference in eval mode without gradients.

    It is made at the first use, and again after the weights, buffers or modules of the
    trunk have been changed or replaced. Changes through ``.data``, such as those of
    ``EMAHook``, are not visible from outside: ``train`` and ``eval`` of the trunk call
    ``drop``. It is neither saved nor copied with the trunk.

    Args:
        trunk: The trunk.
        sizes: See ``deploy``.
        dtype: See ``deploy``; also as a name, such as ``'bfloat16'``.

    Raises:
        ValueError: if ``dtype`` is not supported.
    """

    def __init__(
        self,
        trunk: HRNet,
        sizes: Sequence[Size] = (),
        dtype: str | torch.dtype = 'float32',
    ) -> None:
        self.trunk = trunk
        name = dtype if isinstance(dtype, torch.dtype) else getattr(torch, dtype, dtype)
        self.arguments: dict[str, Any] = dict(sizes=sizes, dtype=_check_dtype(name))
        # hooks of the drop-in for mmseg; those of users come later
        self._own_hooks = _hooks(_parts(trunk))
        self.drop()

    def drop(self) -> None:
        """Drop the copy; the next use makes it again."""
        self._copy: Any = None
        self._made_of: Any = None

    def find(self, x: Tensor) -> Any:
        """Return the copy, or None if the trunk itself has to process this input.

        It has to for tracing, compilation, training, gradients, autocast, the meta
        device and other dtypes than float32, and if a part of it is in training mode or
        has hooks.
        """
        if is_traced() or type(x) is not Tensor or x.dtype != torch.float32:
            return None
        if self.trunk.training or torch.is_grad_enabled():
            return None
        if x.is_meta or is_autocast(x.device):
            return None
        parts = _parts(self.trunk)
        if (
            any(part.training for part in parts)
            or _hooks(parts) != self._own_hooks
            or _global_forward_hooks
            or _global_forward_pre_hooks
        ):
            return None
        owned = chain(
            chain.from_iterable(part._parameters.values() for part in parts),
            chain.from_iterable(part._buffers.values() for part in parts),
        )
        tensors = [tensor for tensor in owned if tensor is not None]
        # with the tensors themselves: a new one may get the id of one that is gone
        versions = [
            *map(id, tensors),
            *(0 if it.is_inference() else it._version for it in tensors),
        ]
        if self._made_of is None or self._made_of[1] != versions:
            self._copy = deploy(self.trunk, **self.arguments)
            self._made_of = (tensors, versions)
        return self._copy

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | dict(_copy=None, _made_of=None)


def _parts(module: nn.Module) -> list[nn.Module]:
    # faster than modules(): this happens in each forward
    parts = [module]
    for part in parts:
        parts.extend(child for child in part._modules.values() if child is not None)
    return parts


def _hooks(parts: Sequence[nn.Module]) -> list[int]:
    # of the parts of a trunk, without those of the trunk itself
    return [
        key
        for part in parts[1:]
        if part._forward_hooks or part._forward_pre_hooks
        for key in (*part._forward_hooks, *part._forward_pre_hooks)
    ]


@MODELS.register_module()
class DeployedHRNet(HRNet):
    """``HRNet`` with ``sizes`` and ``dtype`` of its ``deploy_cfg`` as arguments.

    For configs without ``deploy_cfg``:
    ``--cfg-options model.backbone.type=hrnet_mm.DeployedHRNet``.

    Args:
        sizes, dtype: See ``DeployedCopy``.
        deploy_cfg, args, kwargs: See ``HRNet``.
    """

    def __init__(
        self,
        *args: Any,
        sizes: Sequence[Size] | None = None,
        dtype: str | None = None,
        deploy_cfg: Config | None = None,
        **kwargs: Any,
    ) -> None:
        given = {key: it for key, it in (('sizes', sizes), ('dtype', dtype)) if it}
        super().__init__(*args, deploy_cfg=dict(deploy_cfg or {}, **given), **kwargs)
