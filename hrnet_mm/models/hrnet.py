"""HRNet: parallel streams of several resolutions that exchange information.

    image -> stem -> layer1 -> transition1 -> stage2 -> transition2 -> stage3 ...
      1      1/4      1/4          |
                                   +-> 1/4 --[branch]--X--[branch]--X--> C
                                   +-> 1/8 --[branch]--X--[branch]--X--> 2C
                                       (stage3 opens 1/16, 4C; stage4 1/32, 8C)

A *stream* is a feature map of one resolution, a *branch* the residual blocks that work
on it, X an *exchange*, in which every stream receives the sum of all streams.
Paper: Wang et al., https://arxiv.org/abs/1908.07919, section 3.

Each concept is a class. The parameter names are those of every published HRNet, so that
checkpoints load unchanged: hence ``layer1`` (stage 1) and ``fuse_layers`` (exchange).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch.nn as nn
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.registry import MODELS

from .arch import Stages, StageSpec, select_stages
from .checks import (
    check_arguments,
    check_batch_statistics,
    check_input,
    use_strict_pretrained,
)
from .layers import Config, Layers, Recompute, ResidualBlock, make_branch
from .precision import MixedPrecision, Precision, trains_in_bfloat16
from .training_graph import TrainingGraph

if TYPE_CHECKING:
    from hrnet_mm.inference.deploy import DeployedCopy

Streams = list[Tensor]  # (N, C, H, W), (N, 2C, H/2, W/2), ...: high to low resolution

INIT_CFG: list[Config] = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


class ParallelBranches(nn.ModuleList):
    """Residual branches in parallel: branch ``b`` works on stream ``b`` alone."""

    def __init__(self, spec: StageSpec, layers: Layers) -> None:
        rows = zip(spec.out_channels, spec.channels, spec.blocks, strict=True)
        super().__init__(make_branch(spec.block, *row, layers) for row in rows)

    def forward(self, xs: Streams) -> Streams:
        return [branch(xs[b]) for b, branch in enumerate(self)]


class Exchange(nn.ModuleList):
    """Exchange of information: stream ``i`` is relu(sum over ``j`` of path ``j -> i``).

    The path is a 1x1 conv and upsampling for ``j > i``, ``i - j`` strided 3x3 convs for
    ``j < i``, the identity for ``j == i``. ``self[i][j]`` is its learned part.
    """

    def __init__(
        self, channels: Sequence[int], num_outputs: int, layers: Layers
    ) -> None:
        inputs = range(len(channels))
        super().__init__(
            nn.ModuleList(self._path(channels, j, i, layers) for j in inputs)
            for i in range(num_outputs)
        )
        self.upsample_cfg = dict(layers.upsample_cfg)

    @staticmethod
    def _path(channels: Sequence[int], j: int, i: int, layers: Layers) -> nn.Module:
        if j > i:
            return layers.conv_norm(channels[j], channels[i], 1)
        if j < i:
            return layers.downsample(channels[j], channels[i], i - j, relu=False)
        return nn.Identity()

    def forward(self, xs: Streams) -> Streams:
        return [F.relu(self._gather(xs, i)) for i in range(len(self))]

    def _gather(self, xs: Streams, i: int) -> Tensor:
        paths: list[Tensor] = []
        for j, path in enumerate(self[i].children()):
            y = path(xs[j])
            if j > i:  # to a size, not by a factor, so that any input size works
                y = F.interpolate(y, size=xs[i].shape[-2:], **self.upsample_cfg)
            paths.append(y)
        # from left to right, as upstream: floating point sums depend on the order
        total = paths[0]
        for y in paths[1:]:
            total = total + y
        return total


class Transition(nn.ModuleList):
    """Transition between stages, which opens the new, coarsest stream."""

    def __init__(
        self, in_channels: Sequence[int], out_channels: Sequence[int], layers: Layers
    ) -> None:
        super().__init__()
        last = len(in_channels) - 1
        for i, channels in enumerate(out_channels):
            path: nn.Module = nn.Identity()
            if i > last:
                path = layers.downsample(
                    in_channels[last], channels, i - last, relu=True
                )
            elif channels != in_channels[i]:
                path = layers.conv_norm(in_channels[i], channels, 3, relu=True)
            self.append(path)

    def forward(self, xs: Streams) -> Streams:
        return [path(xs[min(i, len(xs) - 1)]) for i, path in enumerate(self)]


class HRModule(nn.Module):
    """One module of a stage: parallel branches, then an exchange."""

    def __init__(self, spec: StageSpec, num_outputs: int, layers: Layers) -> None:
        super().__init__()
        self.branches = ParallelBranches(spec, layers)
        self.fuse_layers = Exchange(spec.out_channels, num_outputs, layers)

    def forward(self, xs: Streams) -> Streams:
        return self.fuse_layers(self.branches(xs))


class Stage(nn.Sequential):
    """Stage of ``spec.modules`` modules; the last outputs ``num_outputs`` streams."""

    def __init__(self, spec: StageSpec, num_outputs: int, layers: Layers) -> None:
        outputs = [len(spec.channels)] * (spec.modules - 1) + [num_outputs]
        super().__init__(*(HRModule(spec, n, layers) for n in outputs))


@MODELS.register_module()
class HRNet(MixedPrecision):
    """High-resolution network (HRNet), the trunk of all four representations.

    Args:
        arch: A published architecture, one of ``ARCHS``: ``'w48'``.
        extra: Instead of ``arch``, the nested stage dict of existing configs.
        in_channels: Channels of the input image.
        multiscale_output: False builds HRNetV1: stream 0 only, and none of the
            parameters of the others, which would get no gradient under DDP.
        upsample_cfg: ``F.interpolate`` arguments of the exchanges. Weights are valid
            with the mode they were trained with only: nearest for pose, detection and
            ImageNet, ``dict(mode='bilinear', align_corners=False)`` for most
            segmentation and face models.
        conv_cfg: mmcv config of every convolution.
        norm_cfg: mmcv config of every norm: BN, SyncBN, GN.
        frozen_stages: -1 none; 0 the stem; k also stages 1 to k, each with the
            transition after it. Frozen parts stay in eval mode.
        norm_eval: Keep every batch norm in eval mode.
        with_cp: What the backward pass recomputes to save memory: ``True`` for whole
            residual blocks, ``'norms'`` for their norms and ReLUs only, which saves
            less memory and takes hardly any time. Results stay the same.
        zero_init_residual: Start residual blocks as the identity, unless ``init_cfg``
            loads a checkpoint.
        precision: The dtype of training: ``'float32'``, ``'bfloat16'``, or ``'auto'``,
            which is bfloat16 on devices with bfloat16 arithmetic. See ``Precision``.
        cuda_graph: On a GPU, replay training steps from a CUDA graph once three batches
            of a size have been seen, for up to 16 sizes. See ``TrainingGraph``.
        deploy_cfg: Compute inference with the deployed copy of the trunk, and arguments
            of ``deploy`` for it: ``dict()``, ``dict(dtype='bfloat16')``. None computes
            it with the trunk itself. See ``DeployedCopy``.
        init_cfg: mmengine initialization; Kaiming by default, as in the official
            ImageNet code.

    Attributes:
        out_channels: Number of channels of each stream that ``forward`` returns.

    Raises:
        ValueError: if ``arch`` is unknown, ``extra`` is incomplete or contradicts
            itself, both or none are given, ``frozen_stages`` is out of range,
            ``with_cp`` or ``precision`` is unknown, the dtype of ``deploy_cfg`` is not
            supported, or an ``init_cfg`` has no type.
    """

    deployed: DeployedCopy | None = None  # also in modules of earlier versions

    def __init__(
        self,
        arch: str | None = None,
        extra: Config | None = None,
        in_channels: int = 3,
        *,
        multiscale_output: bool = True,
        upsample_cfg: Config = dict(mode='nearest'),
        conv_cfg: Config | None = None,
        norm_cfg: Config = dict(type='BN'),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: Recompute = False,
        zero_init_residual: bool = False,
        precision: Precision = 'float32',
        cuda_graph: bool = False,
        deploy_cfg: Config | None = None,
        init_cfg: Config | list[Config] | None = INIT_CFG,
    ) -> None:
        super().__init__(use_strict_pretrained(init_cfg))
        check_arguments(frozen_stages, with_cp)
        self.in_channels = in_channels
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.zero_init_residual = zero_init_residual
        self.upsample_cfg = dict(upsample_cfg)
        layers = Layers(conv_cfg, norm_cfg, upsample_cfg, with_cp)
        stages = select_stages(arch, extra)
        self._build_stem(layers)
        self._build_stages(stages, multiscale_output, layers)
        self.deployed = None if deploy_cfg is None else _copy_of(self, deploy_cfg)
        self.set_precision(precision, cuda_graph)
        # hooks, because checks in forward would stop torch.fx
        self.register_forward_pre_hook(check_input)
        self.register_forward_pre_hook(check_batch_statistics)
        self.train()

    def _build_stem(self, layers: Layers) -> None:
        self.conv1 = layers.conv(self.in_channels, 64, 3, stride=2)
        name1 = layers.add_norm(self, 64, 1)
        self.conv2 = layers.conv(64, 64, 3, stride=2)
        self.norm_names = (name1, layers.add_norm(self, 64, 2))

    def _build_stages(
        self, stages: Stages, multiscale_output: bool, layers: Layers
    ) -> None:
        stage1, *specs = stages
        self.layer1 = make_branch(
            stage1.block, 64, stage1.channels[0], stage1.blocks[0], layers
        )
        channels = stage1.out_channels
        for s, spec in enumerate(specs, start=2):
            outputs = len(spec.channels) if s < 4 or multiscale_output else 1
            transition = Transition(channels, spec.out_channels, layers)
            self.add_module(f'transition{s - 1}', transition)
            self.add_module(f'stage{s}', Stage(spec, outputs, layers))
            channels = spec.out_channels
        self.out_channels = channels[:outputs]

    def set_precision(self, precision: Precision, cuda_graph: bool = False) -> HRNet:
        """Set ``precision``, as ``MixedPrecision``, and ``cuda_graph``."""
        super().set_precision(precision)
        self.graph = TrainingGraph(self) if cuda_graph else None
        return self

    @property
    def norm1(self) -> nn.Module:
        """First norm of the stem, registered as ``bn1``, ``gn1`` ..."""
        return getattr(self, self.norm_names[0])

    @property
    def norm2(self) -> nn.Module:
        """Second norm of the stem."""
        return getattr(self, self.norm_names[1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the streams of images, from high to low resolution.

        Args:
            x: ``(N, in_channels, H, W)``.

        Returns:
            Stream ``b`` is ``(N, out_channels[b], H / 2**(b+2), W / 2**(b+2))``, sizes
            rounded up at each halving.
        """
        copy = None if self.deployed is None else self.deployed.find(x)
        if copy is not None:
            return tuple(copy(x))
        return self._in_precision(self.graph or self.streams, x)

    def streams(self, x: Tensor) -> Streams:
        """Compute the streams; ``forward`` adds the precision and the CUDA graph."""
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        x = F.relu(self.norm2(self.conv2(x)), inplace=True)
        xs = self.transition1([self.layer1(x)])
        xs = self.transition2(self.stage2(xs))
        xs = self.transition3(self.stage3(xs))
        return self.stage4(xs)

    def init_weights(self) -> None:
        """Initialize by ``init_cfg``, then apply ``zero_init_residual``."""
        super().init_weights()
        cfgs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg]
        pretrained = any(cfg and cfg['type'] == 'hrnet_mm.Pretrained' for cfg in cfgs)
        if self.zero_init_residual and not pretrained:
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    nn.init.constant_(module.last_norm.get_parameter('weight'), 0)
        if self.precision != 'float32':
            device = next(self.parameters()).device
            bf16 = trains_in_bfloat16(self.precision, device)
            dtype = 'bfloat16' if bf16 else 'float32'
            memory = 'channels_last' if self.channels_last else 'contiguous'
            message = f'HRNet on {device.type}: trains in {dtype}, {memory}'
            print_log(message, logger='current')

    def train(self, mode: bool = True) -> HRNet:
        """Set the mode, but keep frozen stages and ``norm_eval`` norms in eval mode."""
        super().train(mode)
        self._drop_copy()
        for part in self._frozen_parts():
            part.eval().requires_grad_(False)
        for norm in self.frozen_norms():
            norm.eval()
        return self

    def _apply(self, *args: Any, **kwargs: Any) -> HRNet:
        self._drop_copy()
        return super()._apply(*args, **kwargs)

    def _drop_copy(self) -> None:
        if self.deployed is not None:
            self.deployed.drop()

    def frozen_norms(self) -> Iterator[nn.Module]:
        """Yield the norms that ``frozen_stages`` or ``norm_eval`` keep in eval mode."""
        frozen = {m for part in self._frozen_parts() for m in part.modules()}
        for module in self.modules():
            by_eval = self.norm_eval and isinstance(module, _BatchNorm)
            if by_eval or (
                module in frozen and isinstance(module, _BatchNorm | nn.GroupNorm)
            ):
                yield module

    def _frozen_parts(self) -> list[nn.Module]:
        groups = [
            ('conv1', 'conv2', *self.norm_names),
            ('layer1', 'transition1'),
            ('stage2', 'transition2'),
            ('stage3', 'transition3'),
            ('stage4',),
        ]
        frozen = groups[: self.frozen_stages + 1]
        return [getattr(self, name) for group in frozen for name in group]


def _copy_of(trunk: HRNet, deploy_cfg: Config) -> DeployedCopy:
    # imported here, because it imports this module
    from hrnet_mm.inference.deploy import DeployedCopy

    return DeployedCopy(trunk, **deploy_cfg)
