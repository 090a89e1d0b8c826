"""Writes a file in the layout of another code base."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from hrnet_mm.files import write_atomically
from hrnet_mm.libraries import LIBRARIES

from .checkpoint import Checkpoint, read
from .families import BY_NAME, FAMILIES, Family
from .safe_load import CheckpointError
from .tensor_conversion import official_biases, with_biases_of

# What files are converted to.
TARGETS = (*LIBRARIES, 'official', 'timm')
TRUNK_ALONE = BY_NAME['trunk']


@dataclass(frozen=True)
class Conversion:
    """A file as another code base wants it.

    Attributes:
        family: The layout; of the trunk alone, if the other code base has no such task.
        state: What is written.
        left_out: Our names of the tensors that have no place there.
        folded: Our names of the biases that went into the norms behind them.
    """

    family: Family
    state: dict[str, Tensor]
    left_out: tuple[str, ...]
    folded: tuple[str, ...]


def convert(
    source: str | os.PathLike[str], target: str | os.PathLike[str], to: str
) -> tuple[Checkpoint, Conversion]:
    """Read a file of any family and write it as another one.

    ``.safetensors`` writes that format. OpenMMLab's files keep what the runner stored
    beside, such as the names of the classes.

    Raises:
        FileNotFoundError, CheckpointError: as ``read``.
        FileExistsError: if there is something at ``target``.
        ValueError: if ``to`` is none of ``TARGETS``.
    """
    target = Path(target)
    if target.exists():
        raise FileExistsError(f'{target} exists: name another file, or remove it first')
    checkpoint = read(source)
    conversion = rewrite(checkpoint, to)
    if to in ('official', 'timm'):
        content: Mapping[str, Any] = conversion.state
    else:
        meta = dict(checkpoint.meta, converted_from=checkpoint.family.name)
        if checkpoint.upsampling:  # no tensor of the file tells
            meta['upsample_cfg'] = checkpoint.upsampling
        content = dict(meta=meta, state_dict=conversion.state)
    save(content, target)
    return checkpoint, conversion


def rewrite(checkpoint: Checkpoint, to: str) -> Conversion:
    """What a checkpoint is called, and which numbers it has, in another code base."""
    if to not in TARGETS:
        raise ValueError(f'{to!r} is none of {list(TARGETS)}')
    family = counterpart(checkpoint, to)
    state = {
        name: value
        for name, value in checkpoint.tensors.items()
        if family is not TRUNK_ALONE or name.startswith('backbone.')
    }
    left_out = tuple(name for name in checkpoint.tensors if name not in state)
    before = state
    if family.library in LIBRARIES:
        # as their heads are built: without a bias before a norm
        state = with_biases_of(before, ())
    elif checkpoint.family.library in LIBRARIES:
        # the official code loads strictly, and has some
        state = with_biases_of(before, official_biases(before))
    folded = tuple(name for name in before if name not in state)
    written = {
        f'{family.writes}{family.their_name(name)}': value
        for name, value in family.to_theirs(state).items()
    }
    return Conversion(family, written, left_out, folded)


def counterpart(checkpoint: Checkpoint, to: str) -> Family:
    """The layout for the same task, or that of the trunk alone."""
    library = 'official' if to == 'timm' else to
    for family in FAMILIES:
        if (
            family.library == library
            and family.task == checkpoint.family.task
            and family.holds(checkpoint.tensors)
            and (to != 'timm' or family.task == 'classification')
        ):
            return family
    if checkpoint.trunk is None:
        raise CheckpointError(
            f'{checkpoint.source} is of {checkpoint.family.name}, without a trunk: '
            f'{to} has nothing to put it in'
        )
    return TRUNK_ALONE


def save(content: Mapping[str, Any], path: Path) -> None:
    """Write all of a file or nothing of it."""
    if path.suffix == '.safetensors':
        state = content.get('state_dict', content)
        tensors = {name: value.contiguous() for name, value in state.items()}
        write_atomically(path, safetensors.torch.save(tensors))
    else:
        buffer = BytesIO()
        torch.save(content, buffer)
        write_atomically(path, buffer.getbuffer())
