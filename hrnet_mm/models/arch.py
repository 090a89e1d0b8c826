"""The published HRNet architectures, as rows of data.

An architecture is four stages. Stage 1 is a chain of bottlenecks at 1/4 of the input
resolution; stage ``s`` repeats {``s`` parallel branches, exchange}. Sources: the paper
(https://arxiv.org/abs/1908.07919, section 3.1) and the official yaml files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXPANSION = {'BASIC': 1, 'BOTTLENECK': 4}


@dataclass(frozen=True)
class StageSpec:
    """One stage: ``modules`` repetitions of {parallel branches, exchange}.

    ``blocks`` (residual blocks in series) and ``channels`` (width inside a block) have
    one entry per branch, from high to low resolution.
    """

    modules: int
    block: str
    blocks: tuple[int, ...]
    channels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.block not in EXPANSION:
            raise ValueError(f'block is {self.block!r}, not one of {list(EXPANSION)}')
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f'num_blocks has {len(self.blocks)} entries, but num_channels has '
                f'{len(self.channels)}: {self.blocks} and {self.channels}'
            )
        if not self.channels or min(self.modules, *self.blocks, *self.channels) < 1:
            raise ValueError(f'modules, blocks and channels must be positive: {self}')

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Number of channels of each stream, from high to low resolution."""
        return tuple(c * EXPANSION[self.block] for c in self.channels)


Stages = tuple[StageSpec, ...]


def _make_stages(
    width: int,
    modules: tuple[int, ...] = (1, 4, 3),
    blocks: int = 4,
    stem_blocks: int = 4,
    stem_width: int = 64,
) -> Stages:
    # stage s has s branches; branch b has width * 2**b channels
    specs = [StageSpec(1, 'BOTTLENECK', (stem_blocks,), (stem_width,))]
    for branches, repeats in enumerate(modules, start=2):
        channels = tuple(width * 2**b for b in range(branches))
        specs.append(StageSpec(repeats, 'BASIC', (blocks,) * branches, channels))
    return tuple(specs)


# timm's `hrnet_w18_small` is v1; MMSegmentation's `hr18s` and the trunk file
# `hrnetv2_w18_small` of open-mmlab are v2.
ARCHS: dict[str, Stages] = {
    'w18_small_v1': _make_stages(16, (1, 1, 1), blocks=2, stem_blocks=1, stem_width=32),
    'w18_small_v2': _make_stages(18, (1, 3, 2), blocks=2, stem_blocks=2),
    'w18': _make_stages(18),
    'w30': _make_stages(30),
    'w32': _make_stages(32),
    'w40': _make_stages(40),
    'w44': _make_stages(44),
    'w48': _make_stages(48),
    'w64': _make_stages(64),
}
ARCHS['w18s'] = ARCHS['w18_small_v2']

STAGE_NAMES = ('stage1', 'stage2', 'stage3', 'stage4')
STAGE_KEYS = {'num_modules', 'num_branches', 'block', 'num_blocks', 'num_channels'}

# Keys that the HRNets of OpenMMLab read from `extra`, and what replaces them here.
MOVED = {
    'upsample': 'pass upsample_cfg= to HRNet',
    'multiscale_output': 'pass multiscale_output= to HRNet',
}


def select_stages(arch: str | None, extra: Mapping[str, Any] | None) -> Stages:
    """Return the four stages of a published architecture or of an ``extra`` dict.

    Raises:
        ValueError: if both or neither are given, ``arch`` is unknown, or ``extra`` is
            invalid.
    """
    if (arch is None) == (extra is None):
        raise ValueError(
            f'give either arch or extra: arch={arch!r}, extra={extra!r}; '
            f'the archs are {list(ARCHS)} (a config that inherits extra from its '
            '_base_ needs backbone=dict(_delete_=True, ...))'
        )
    if extra is not None:
        return read_extra(extra)
    if not isinstance(arch, str) or arch not in ARCHS:
        raise ValueError(
            f'unknown arch {arch!r}; the archs are {list(ARCHS)}; '
            'pass extra={...} for any other width'
        )
    return ARCHS[arch]


def as_extra(stages: Stages) -> dict[str, dict[str, Any]]:
    """Return stages as a new ``extra`` dict, the format of OpenMMLab configs."""
    return {
        name: dict(
            num_modules=spec.modules,
            num_branches=len(spec.channels),
            block=spec.block,
            num_blocks=spec.blocks,
            num_channels=spec.channels,
        )
        for name, spec in zip(STAGE_NAMES, stages, strict=True)
    }


def read_extra(extra: Mapping[str, Any]) -> Stages:
    """Read the nested ``extra`` dict of the OpenMMLab and official configs.

    Raises:
        ValueError: if a stage or one of its keys is missing, unknown, or contradicts
            another one.
    """
    _check_keys('extra', extra, set(STAGE_NAMES))
    return tuple(_read_stage(name, extra[name]) for name in STAGE_NAMES)


def _read_stage(name: str, cfg: Mapping[str, Any]) -> StageSpec:
    _check_keys(f'extra[{name!r}]', cfg, STAGE_KEYS)
    blocks, channels = cfg['num_blocks'], cfg['num_channels']
    for key, value in (('num_blocks', blocks), ('num_channels', channels)):
        if not isinstance(value, Sequence) or len(value) != cfg['num_branches']:
            raise ValueError(
                f'extra[{name!r}]: {key}={value!r} must be a sequence of '
                f'{cfg["num_branches"]} values, one per branch (num_branches)'
            )
    try:
        return StageSpec(
            cfg['num_modules'], cfg['block'], tuple(blocks), tuple(channels)
        )
    except ValueError as error:
        raise ValueError(f'extra[{name!r}]: {error}') from None


def _check_keys(where: str, cfg: Mapping[str, Any], expected: set[str]) -> None:
    if missing := expected - set(cfg):
        raise ValueError(f'{where} lacks {sorted(missing)}; it has {sorted(cfg)}')
    if unknown := set(cfg) - expected:
        hints = [f'{key}: {MOVED[key]}' for key in sorted(unknown) if key in MOVED]
        raise ValueError(
            f'{where} has {sorted(unknown)}, which are unknown keys; '
            + ('; '.join(hints) or f'the valid keys are {sorted(expected)}')
        )
