"""HRNet: streams of several resolutions that run in parallel and keep exchanging.

    image -> stem -> layer1 -> transition1 -> stage2 -> transition2 -> stage3 ...
      1      1/4      1/4          |
                                   +-> 1/4 --[branch]--X--[branch]--X--> C
                                   +-> 1/8 --[branch]--X--[branch]--X--> 2C
                                       (stage3 opens 1/16, 4C; stage4 1/32, 8C)

A *stream* is a feature map of one resolution, a *branch* the residual blocks that work
on it, X an *exchange*, in which every stream receives the sum of all streams.
Paper: Wang et al., https://arxiv.org/abs/1908.07919, section 3.

The concepts are classes; the parameter names are those of every published HRNet, so
checkpoints load as they are: hence ``layer1`` (stage 1), ``fuse_layers`` (exchange).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.registry import MODELS

from .arch import StageSpec, select_stages
from .layers import Config, Layers, Recompute, ResidualBlock, make_branch
from .precision import MixedPrecision, Precision, trains_in_bfloat16
from .training_graph import TrainingGraph

Streams = list[Tensor]  # (N, C, H, W), (N, 2C, H/2, W/2), ...: high to low resolution

INIT_CFG: list[Config] = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]


class ParallelBranches(nn.ModuleList):
    """Branch ``b`` works on stream ``b``; no information crosses."""

    def __init__(self, spec: StageSpec, layers: Layers) -> None:
        rows = zip(spec.out_channels, spec.channels, spec.blocks, strict=True)
        super().__init__(make_branch(spec.block, *row, layers) for row in rows)

    def forward(self, xs: Streams) -> Streams:
        return [branch(xs[b]) for b, branch in enumerate(self)]


class Exchange(nn.ModuleList):
    """Stream ``i`` becomes relu(sum over ``j`` of path ``j -> i``).

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
            if j > i:  # to the size of stream i, so that any input size works
                y = F.interpolate(y, size=xs[i].shape[-2:], **self.upsample_cfg)
            paths.append(y)
        # left to right, as every implementation sums: equal to the last bit
        total = paths[0]
        for y in paths[1:]:
            total = total + y
        return total


class Transition(nn.ModuleList):
    """Hands the streams to the next stage and opens its new, coarsest one."""

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
    """Parallel branches, then one exchange."""

    def __init__(self, spec: StageSpec, num_outputs: int, layers: Layers) -> None:
        super().__init__()
        self.branches = ParallelBranches(spec, layers)
        self.fuse_layers = Exchange(spec.out_channels, num_outputs, layers)

    def forward(self, xs: Streams) -> Streams:
        return self.fuse_layers(self.branches(xs))


class Stage(nn.Sequential):
    """``spec.modules`` modules; the last one outputs ``num_outputs`` streams."""

    def __init__(self, spec: StageSpec, num_outputs: int, layers: Layers) -> None:
        outputs = [len(spec.channels)] * (spec.modules - 1) + [num_outputs]
        super().__init__(*(HRModule(spec, n, layers) for n in outputs))


@MODELS.register_module()
class HRNet(MixedPrecision):
    """High-resolution network.

    Args:
        arch: A published architecture, one of ``ARCHS``: ``'w48'``.
        extra: Instead of ``arch``, the nested stage dict of existing configs.
        in_channels: Channels of the input image.
        multiscale_output: False builds HRNetV1: stream 0 only, and none of the
            parameters of the others (under DDP they would get no gradient).
        upsample_cfg: ``F.interpolate`` arguments of the exchanges. No parameters, yet
            weights are only right with the one they were trained with: nearest for
            pose, detection and ImageNet, ``dict(mode='bilinear',
            align_corners=False)`` for most segmentation and face models.
        conv_cfg: mmcv config of every convolution.
        norm_cfg: mmcv config of every norm: BN, SyncBN, GN.
        frozen_stages: -1 none; 0 the stem; k also stages 1 to k, each with the
            transition after it. Frozen parts stay in eval mode.
        norm_eval: Keep every batch norm in eval mode.
        with_cp: What backward computes again instead of keeping it: ``True`` for all of
            the residual blocks, ``'norms'`` for their norms and ReLUs only, which
            saves less memory and hardly takes time. The numbers stay the same.
        zero_init_residual: Start residual blocks as the identity; a checkpoint that
            ``init_cfg`` loads comes first.
        precision: What it trains in: ``'float32'``, ``'bfloat16'``, or ``'auto'``:
            bfloat16 on devices that multiply it. See ``Precision``.
        cuda_graph: On a GPU, replay training steps from a CUDA graph once three batches
            have had one size. See ``TrainingGraph``.
        init_cfg: mmengine initialisation; Kaiming by default, as the official ImageNet
            code.

    ``out_channels`` declares the widths of the streams that ``forward`` returns.

    Raises:
        ValueError: if ``arch`` is unknown, ``extra`` is incomplete or contradicts
            itself, both or none are given, ``frozen_stages`` is out of range,
            ``with_cp`` or ``precision`` is unknown, or an ``init_cfg`` has no type.
    """

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
        init_cfg: Config | list[Config] | None = INIT_CFG,
    ) -> None:
        super().__init__(checked_init_cfg(init_cfg))
        if frozen_stages not in range(-1, 5):
            raise ValueError(
                f'frozen_stages={frozen_stages!r} is not one of -1, 0 .. 4'
            )
        if with_cp not in (False, True, 'norms'):
            raise ValueError(f"with_cp={with_cp!r} is not one of False, True, 'norms'")
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.zero_init_residual = zero_init_residual
        self.upsample_cfg = dict(upsample_cfg)
        stage1, *specs = select_stages(arch, extra)
        layers = Layers(conv_cfg, norm_cfg, upsample_cfg, with_cp)

        self.in_channels = in_channels
        self.conv1 = layers.conv(in_channels, 64, 3, stride=2)
        name1 = layers.add_norm(self, 64, 1)
        self.conv2 = layers.conv(64, 64, 3, stride=2)
        self.norm_names = (name1, layers.add_norm(self, 64, 2))
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
        self.compute_in(precision, cuda_graph)
        # a hook, because a check in forward would stop torch.fx
        self.register_forward_pre_hook(check_image)
        self.register_forward_pre_hook(check_one_value)
        self.train()

    def compute_in(self, precision: Precision, cuda_graph: bool = False) -> HRNet:
        """Set ``precision`` and ``cuda_graph``; see ``MixedPrecision.compute_in``."""
        super().compute_in(precision)
        self.graph = TrainingGraph(self) if cuda_graph else None
        return self

    @property
    def norm1(self) -> nn.Module:
        """The first norm of the stem, whatever its registered name."""
        return getattr(self, self.norm_names[0])

    @property
    def norm2(self) -> nn.Module:
        """The second norm of the stem."""
        return getattr(self, self.norm_names[1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """From images to streams, high to low resolution.

        Args:
            x: ``(N, in_channels, H, W)``.

        Returns:
            Stream ``b``: ``(N, out_channels[b], H / 2**(b+2), W / 2**(b+2))``, sizes
            rounded up at each halving.
        """
        return self._in_precision(self.graph or self.streams, x)

    def streams(self, x: Tensor) -> Streams:
        """Compute the network itself; ``forward`` decides in what precision and how."""
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        x = F.relu(self.norm2(self.conv2(x)), inplace=True)
        xs = self.transition1([self.layer1(x)])
        xs = self.transition2(self.stage2(xs))
        xs = self.transition3(self.stage3(xs))
        return self.stage4(xs)

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then zero the residuals if asked."""
        super().init_weights()
        cfgs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg]
        pretrained = any(cfg and cfg['type'].endswith('Pretrained') for cfg in cfgs)
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
        """Set the mode; frozen stages and, if ``norm_eval``, batch norms stay eval."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval().requires_grad_(False)
        for norm in self.frozen_norms():
            norm.eval()
        return self

    def frozen_norms(self) -> Iterator[nn.Module]:
        """The norms that stay as they are: of frozen stages, and by ``norm_eval``."""
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


def checked_init_cfg(
    init_cfg: Config | list[Config] | None,
) -> Config | list[Config] | None:
    """Load weights by ``hrnet_mm.Pretrained``, which refuses a file that does not fit.

    The stock ``Pretrained`` logs what did not fit, and the trunk trains from random
    weights.

    Raises:
        ValueError: if there is no type, as ``--cfg-options`` makes it of no
            ``init_cfg`` and a checkpoint.
    """
    if init_cfg is None:
        return None
    if isinstance(init_cfg, list | tuple):
        return [_checked(cfg) for cfg in init_cfg]
    return _checked(init_cfg)


def _checked(cfg: Config) -> Config:
    if 'type' not in cfg:
        raise ValueError(
            f'init_cfg={dict(cfg)} of HRNet does not say what to do: set '
            'init_cfg.type=hrnet_mm.Pretrained, too, to load weights'
        )
    if cfg['type'] not in ('Pretrained', 'mmengine.Pretrained'):
        return cfg
    # the values are copied into the parameters, wherever those are
    kept = {key: value for key, value in cfg.items() if key != 'map_location'}
    return kept | dict(type='hrnet_mm.Pretrained')


def check_one_value(module: nn.Module, args: tuple[Tensor, ...]) -> None:
    """Refuse to train batch norms on one pixel, which is all that 1/32 may have."""
    if not module.training or not args or len(args[0]) > 1:
        return
    height, width = args[0].shape[-2:]
    if max(height, width) > 32 or get_world_size() > 1:  # norms may be synchronized
        return
    if any(m.training for m in module.modules() if isinstance(m, _BatchNorm)):
        raise ValueError(
            f'HRNet trains on a batch of one image of {height}x{width}: at 1/32 that '
            'is one pixel, and batch norms need more. Set train_dataloader.batch_size '
            'to 2 or more, and drop_last=True where the last batch has one image; or '
            'train on larger images'
        )


def check_image(module: nn.Module, args: tuple[Tensor, ...]) -> None:
    """Refuse an input that is no batch of images with the right channels."""
    if not args:  # passed by keyword: the convolution will check it
        return
    x = args[0]
    shape = tuple(x.shape)
    if len(shape) != 4 or shape[1] != module.in_channels:
        raise ValueError(
            f'HRNet got an input of shape {shape}; '
            f'it takes (N, {module.in_channels}, H, W)'
        )
    if isinstance(x, Tensor) and not x.is_floating_point():
        raise ValueError(
            f'HRNet got an input of type {x.dtype}; it takes floating point numbers, '
            'for published weights an image of mean 0 and deviation 1'
        )
