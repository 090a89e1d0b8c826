"""What the tensors of a trunk say about its architecture."""

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

# Of W64, the largest: 4 + 1*2*4 + 4*3*4 + 3*4*4 = 108. A file that claims more by far
# would take minutes and all memory to look at.
MOST_BLOCKS = 1000


@dataclass(frozen=True)
class Trunk:
    """The architecture of a file's trunk."""

    stages: Stages
    in_channels: int
    multiscale_output: bool

    @cached_property
    def arch(self) -> str | None:
        """Its published name; None for a trunk of one's own."""
        names = (name for name, stages in ARCHS.items() if stages == self.stages)
        return next(names, None)

    @property
    def width(self) -> int:
        """Channels of stream 0."""
        return self.stages[-1].channels[0]

    @property
    def title(self) -> str:
        """For the eyes of a person: ``'w48'``, ``of width 20``."""
        return repr(self.arch) if self.arch else f'of width {self.width}'

    def build(self) -> HRNet:
        """The trunk without numbers, on the meta device."""
        with torch.device('meta'):
            return HRNet(
                extra=as_extra(self.stages),
                in_channels=self.in_channels,
                multiscale_output=self.multiscale_output,
            )


def read_trunk(state: Mapping[str, Tensor]) -> Trunk:
    """The architecture of the tensors of a whole trunk.

    Raises:
        CheckpointError: if they are none of an HRNet, or not all of one.
    """
    try:
        stages = (
            read_stage(state, 'layer1.'),
            *(read_stage(state, f'stage{s}.') for s in (2, 3, 4)),
        )
        in_channels = state['conv1.weight'].shape[1]
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointError(
            f'its trunk is not all of an HRNet: {error} is missing'
        ) from None
    lower = lower_streams(state, stages[-1].modules)
    trunk = Trunk(stages, in_channels, multiscale_output=bool(lower))
    check_complete(state, trunk)
    return trunk


def lower_streams(names: Iterable[str], modules: int) -> set[str]:
    """Select what the last module of stage 4 outputs besides stream 0.

    HRNetV1, for pose, does without.
    """
    exchange = f'stage4.{modules - 1}.fuse_layers.'
    return {
        name
        for name in names
        if name.startswith(exchange) and not name.startswith(f'{exchange}0.')
    }


def read_stage(state: Mapping[str, Tensor], prefix: str) -> StageSpec:
    """Modules, branches, blocks and widths, counted in the names of one stage."""
    if prefix == 'layer1.':
        modules, branches = 1, [prefix]
    else:
        modules = count(state, prefix)
        first = f'{prefix}0.branches.'
        branches = [f'{first}{b}.' for b in range(count(state, first))]
    block = 'BOTTLENECK' if f'{branches[0]}0.conv3.weight' in state else 'BASIC'
    return StageSpec(
        modules,
        block,
        tuple(count(state, branch) for branch in branches),
        tuple(len(state[f'{branch}0.conv1.weight']) for branch in branches),
    )


def count(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many children a name has: one more than the highest number after it."""
    numbers = {
        int(number)
        for name in state
        if name.startswith(prefix)
        and (number := name[len(prefix) :].split('.')[0]).isdigit()
    }
    if not numbers:
        raise KeyError(f'{prefix}0')
    return max(numbers) + 1


def check_complete(state: Mapping[str, Tensor], trunk: Trunk) -> None:
    """Refuse what is missing, left over or of another shape in this very trunk."""
    if sum(spec.modules * sum(spec.blocks) for spec in trunk.stages) > MOST_BLOCKS:
        raise CheckpointError(f'its trunk has over {MOST_BLOCKS} residual blocks')
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
