"""Conversion of checkpoints to the layout of another code base."""

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
from .tensor_conversion import list_official_biases, match_biases

# Code bases to whose layout files can be converted.
TARGETS = (*LIBRARIES, 'official', 'timm')
TRUNK_ONLY = BY_NAME['trunk']


@dataclass(frozen=True)
class Conversion:
    """State dict in the layout of another code base.

    Attributes:
        family: The layout. It is that of a trunk alone if the code base has no model
            for the task.
        state: The tensors, by the names of the code base.
        left_out: Our names of the tensors that the code base does not have.
        folded: Our names of the biases that were folded into the following norms.
    """

    family: Family
    state: dict[str, Tensor]
    left_out: tuple[str, ...]
    folded: tuple[str, ...]


def convert(
    source: str | os.PathLike[str], target: str | os.PathLike[str], to: str
) -> tuple[Checkpoint, Conversion]:
    """Convert a checkpoint of any family to the layout of another code base.

    Args:
        source: A path, a URL or a name; see ``read``.
        target: The path to write; the suffix ``.safetensors`` selects that format.
            Files for OpenMMLab keep the metadata, such as the names of the classes.
        to: One of ``TARGETS``.

    Raises:
        FileNotFoundError, CheckpointError: as ``read``.
        FileExistsError: if ``target`` exists.
        ValueError: if ``to`` is unknown.
    """
    target = Path(target)
    if target.exists():
        raise FileExistsError(f'{target} exists: give another path, or remove it first')
    checkpoint = read(source)
    conversion = _rewrite(checkpoint, to)
    if to in ('official', 'timm'):
        content: Mapping[str, Any] = conversion.state
    else:
        meta = dict(checkpoint.meta, converted_from=checkpoint.family.name)
        if checkpoint.upsampling:  # cannot be told from the tensors
            meta['upsample_cfg'] = checkpoint.upsampling
        content = dict(meta=meta, state_dict=conversion.state)
    save(content, target)
    return checkpoint, conversion


def _rewrite(checkpoint: Checkpoint, to: str) -> Conversion:
    if to not in TARGETS:
        raise ValueError(f'to={to!r} is not one of {list(TARGETS)}')
    family = find_target_family(checkpoint, to)
    state = {
        name: value
        for name, value in checkpoint.tensors.items()
        if family is not TRUNK_ONLY or name.startswith('backbone.')
    }
    left_out = tuple(name for name in checkpoint.tensors if name not in state)
    before = state
    if family.library in LIBRARIES:
        # their heads have no bias before a norm
        state = match_biases(before, ())
    elif checkpoint.family.library in LIBRARIES:
        # the official code loads strictly, and some of its layers have a bias
        state = match_biases(before, list_official_biases(before))
    folded = tuple(name for name in before if name not in state)
    written = {
        f'{family.writes}{family.their_name(name)}': value
        for name, value in family.to_theirs(state).items()
    }
    return Conversion(family, written, left_out, folded)


def find_target_family(checkpoint: Checkpoint, to: str) -> Family:
    """Return the layout of a code base for the same task, or that of a trunk alone.

    Raises:
        CheckpointError: if it has none for the task, and the file has no trunk.
    """
    library = 'official' if to == 'timm' else to
    for family in FAMILIES:
        if (
            family.library == library
            and family.task == checkpoint.family.task
            and family.covers(checkpoint.tensors)
            and (to != 'timm' or family.task == 'classification')
        ):
            return family
    if checkpoint.trunk is None:
        raise CheckpointError(
            f'{checkpoint.source} ({checkpoint.family.name}) is without a trunk: '
            f'{to} has no model for its tensors'
        )
    return TRUNK_ONLY


def save(content: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint, as safetensors if the suffix says so.

    Args:
        content: ``meta`` and ``state_dict``, or a state dict.
        path: The path to write.
    """
    if path.suffix == '.safetensors':
        state = content.get('state_dict', content)
        tensors = {name: value.contiguous() for name, value in state.items()}
        write_atomically(path, safetensors.torch.save(tensors))
    else:
        buffer = BytesIO()
        torch.save(content, buffer)
        write_atomically(path, buffer.getbuffer())
