"""Architecture of a trunk, read from the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hrnet_mm.messages import shortened
from hrnet_mm.models import ARCHS, HRNet
from hrnet_mm.models.arch import Stages, StageSpec, as_extra

from .safe_load import CheckpointError

# W64, the largest, has 4 + 1*2*4 + 4*3*4 + 3*4*4 = 108 residual blocks. A damaged or
# hostile file that claims far more would take minutes and all memory to check.
MAX_BLOCKS = 1000


@dataclass(frozen=True)
class Trunk:
    """Architecture of the trunk in a file."""

    stages: Stages
    in_channels: int
    multiscale_output: bool

    @cached_property
    def arch(self) -> str | None:
        """Published name, or None for any other architecture."""
        names = (name for name, stages in ARCHS.items() if stages == self.stages)
        return next(names, None)

    @property
    def width(self) -> int:
        """Number of channels of stream 0."""
        return self.stages[-1].channels[0]

    @property
    def title(self) -> str:
        """Name for messages: ``'w48'``, or ``of width 20``."""
        return repr(self.arch) if self.arch else f'of width {self.width}'

    def build(self) -> HRNet:
        """Build the trunk on the meta device, hence without values."""
        with torch.device('meta'):
            return HRNet(
                extra=as_extra(self.stages),
                in_channels=self.in_channels,
                multiscale_output=self.multiscale_output,
            )


def read_trunk(state: Mapping[str, Tensor]) -> Trunk:
    """Return the architecture of a trunk.

    Args:
        state: All tensors of the trunk, without a prefix.

    Raises:
        CheckpointError: if they are not exactly the tensors of an HRNet.
    """
    try:
        stages = (
            _read_stage(state, 'layer1.'),
            *(_read_stage(state, f'stage{s}.') for s in (2, 3, 4)),
        )
        in_channels = state['conv1.weight'].shape[1]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(
            f'its trunk is not a complete HRNet: {error} is missing'
        ) from None
    lower = list_lower_streams(state, stages[-1].modules)
    trunk = Trunk(stages, in_channels, multiscale_output=bool(lower))
    _check_complete(state, trunk)
    return trunk


def list_lower_streams(names: Iterable[str], modules: int) -> set[str]:
    """Select the names of tensors that only the lower streams of the output need.

    They belong to the last exchange of stage 4; HRNetV1 does not have them.

    Args:
        names: Names of tensors of a trunk.
        modules: Number of modules of stage 4.
    """
    exchange = f'stage4.{modules - 1}.fuse_layers.'
    return {
        name
        for name in names
        if name.startswith(exchange) and not name.startswith(f'{exchange}0.')
    }


def _read_stage(state: Mapping[str, Tensor], prefix: str) -> StageSpec:
    if prefix == 'layer1.':
        modules, branches = 1, [prefix]
    else:
        modules = _count_children(state, prefix)
        first = f'{prefix}0.branches.'
        branches = [f'{first}{b}.' for b in range(_count_children(state, first))]
    block = 'BOTTLENECK' if f'{branches[0]}0.conv3.weight' in state else 'BASIC'
    return StageSpec(
        modules,
        block,
        tuple(_count_children(state, branch) for branch in branches),
        tuple(len(state[f'{branch}0.conv1.weight']) for branch in branches),
    )


def _count_children(state: Mapping[str, Tensor], prefix: str) -> int:
    # children are numbered: one more than the highest number after the prefix
    numbers = {
        int(number)
        for name in state
        if name.startswith(prefix)
        and (number := name[len(prefix) :].split('.')[0]).isdigit()
    }
    if not numbers:
        raise KeyError(f'{prefix}0')
    return max(numbers) + 1


def _check_complete(state: Mapping[str, Tensor], trunk: Trunk) -> None:
    if sum(spec.modules * sum(spec.blocks) for spec in trunk.stages) > MAX_BLOCKS:
        raise CheckpointError(f'its trunk has over {MAX_BLOCKS} residual blocks')
    wanted = trunk.build().state_dict()
    counters = {name for name in wanted if name.endswith('num_batches_tracked')}
    missing = set(wanted) - set(state) - counters  # torch 0.4 had none
    unknown = set(state) - set(wanted)
    if missing or unknown:
        kind, names = ('lacks', missing) if missing else ('has the unknown', unknown)
        raise CheckpointError(
            f'its trunk {trunk.title} {kind} {shortened(sorted(names))}'
        )
    for name, value in wanted.items():
        if name in state and state[name].shape != value.shape:
            raise CheckpointError(
                f'its trunk {trunk.title} has {name} of {tuple(state[name].shape)}, '
                f'not {tuple(value.shape)}'
            )
