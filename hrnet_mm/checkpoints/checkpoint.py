"""Reading of any published HRNet checkpoint, with tensors renamed to our names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from hrnet_mm.messages import shortened

from .families import ALIGNED, BILINEAR, FAMILIES, NEAREST, Family
from .hub import load_checkpoint
from .safe_load import CheckpointError
from .trunks import Trunk, read_trunk

# Keys that hold the state dict, in files that also hold epoch, optimizer ...
CONTAINERS = (
    'state_dict',
    'model',
    'model_state_dict',
    'best_state_dict',
    'net',
    'weights',
    'state_dict_ema',
)

# Names that are stored among the weights but are not part of the model: the averages of
# mmcv 1's EMAHook, a teacher or student model, the weights of a loss, the pixel
# statistics of mmengine 0.1, and the counters of thop.
NOT_WEIGHTS = re.compile(
    r'ema_\w+|(module\.)?(student|teacher|distill_losses|loss|data_preprocessor)\..+'
    r'|(.+\.)?total_(ops|params)'
)


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint file of a known family.

    Attributes:
        source: The path, URL or name that it was read from.
        family: The layout of the file.
        tensors: The tensors that our models use, by our names; floats as float32.
        unused: The names, as in the file, of all other tensors.
        renamed: Whether some tensor has another name in the file.
        meta: The metadata that the runner stored, such as the names of the classes.
        half: Whether some tensors were float16 or bfloat16.
    """

    source: str
    family: Family
    tensors: dict[str, Tensor]
    unused: tuple[str, ...]
    renamed: bool
    meta: Mapping[str, Any]
    half: bool

    @cached_property
    def trunk(self) -> Trunk | None:
        """Architecture of the trunk, or None if the file has no trunk."""
        return read_trunk(self.part('backbone.')) if self.part('backbone.') else None

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with ``prefix``, without the prefix."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }

    @property
    def upsampling(self) -> dict[str, Any] | None:
        """``upsample_cfg`` that the trunk was trained with, or None if unknown.

        No tensor tells it. Conversions and training jobs store it in the metadata;
        otherwise it depends on the family (docs/checkpoints.md).
        """
        if isinstance(kept := self.meta.get('upsample_cfg'), Mapping):
            return dict(kept)
        trained = re.search(
            r"upsample(?:_cfg)?=dict\((?:\s*align_corners=(\w+),)?\s*mode='(\w+)'",
            str(self.meta.get('cfg', '')),
        )
        if trained and trained[2] == 'nearest':
            return dict(NEAREST)
        if trained:
            return dict(mode=trained[2], align_corners=trained[1] == 'True')
        if self.num_outputs in self.family.aligned_classes:
            return dict(ALIGNED)
        if self.concatenates:
            return dict(BILINEAR)
        cfg = self.family.upsample_cfg
        return None if cfg is None else dict(cfg)

    @property
    def concatenates(self) -> bool:
        """Whether a pose head takes HRNetV2, as for landmarks of faces and hands."""
        weight = self.tensors.get('head.conv_layers.0.weight')
        if weight is None or self.trunk is None:
            return False
        return weight.shape[1] == sum(self.trunk.stages[-1].channels)

    @property
    def representation(self) -> str:
        """Representation that the heads take: V1, V2, V2p or C."""
        if any(name.startswith('neck.reduction_conv') for name in self.tensors):
            return 'V2p'
        if any(name.startswith('neck.0.increase_layers') for name in self.tensors):
            return 'C'
        heads = {name.split('.')[0] for name in self.tensors} - {'backbone'}
        if not heads:
            return 'none: a trunk alone'
        return 'V2' if 'decode_head' in heads or self.concatenates else 'V1'

    @property
    def num_outputs(self) -> int | None:
        """Number of classes or keypoints, or None if there is no known head."""
        for name, background in LAST_LAYERS.items():
            if (weight := self.tensors.get(f'{name}.weight')) is not None:
                return len(weight) - background
        return None


# Last layers of the heads, and how many of their outputs are background classes.
LAST_LAYERS = {
    'head.final_layer': 0,
    'head.final_layers.1': 0,
    'decode_head.1.conv_seg': 0,
    'decode_head.conv_seg': 0,
    'head.fc': 0,
    'roi_head.bbox_head.fc_cls': 1,
    'roi_head.bbox_head.0.fc_cls': 1,
    'bbox_head.conv_cls': 0,
}


def read(source: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of any family.

    Args:
        source: A path, a URL, or a name such as ``hrnet://w48/imagenet`` or
            ``open-mmlab://msra/hrnetv2_w18``.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if the file is damaged, asks to run code, has unknown names, or
            holds values that are not finite.
    """
    content = load_checkpoint(source)
    try:
        return parse_checkpoint(str(source), content)
    except CheckpointError as error:
        raise CheckpointError(f'{source}: {error}') from None


def parse_checkpoint(source: str, content: Any) -> Checkpoint:
    """Find the family of the loaded content of a file and rename its tensors.

    Args:
        source: What messages call the file.
        content: The state dict, or a dict that holds it.

    Raises:
        CheckpointError: if there is no known HRNet in it.
    """
    stored = find_state_dict(content)
    state, unused = unwrap_state_dict(stored)
    family = find_family(state)
    check_finite(state)
    tensors = {}
    for key, value in state.items():
        name = family.our_name(key)
        if name is None:
            unused.append(key)
        else:
            tensors[name] = value.float() if value.is_floating_point() else value
    meta = content.get('meta') if isinstance(content, Mapping) else None
    checkpoint = Checkpoint(
        source=source,
        family=family,
        tensors=dict(family.to_ours(tensors)),
        unused=tuple(unused),
        renamed=not set(tensors) <= {key.removeprefix('module.') for key in stored},
        meta=meta if isinstance(meta, Mapping) else {},
        half=any(v.dtype in (torch.float16, torch.bfloat16) for v in state.values()),
    )
    _ = checkpoint.trunk  # raises if the trunk is incomplete
    return checkpoint


def find_state_dict(content: Any) -> dict[str, Tensor]:
    """Return the state dict in the content of a file, whatever key holds it.

    Raises:
        CheckpointError: if there is none.
    """
    for container in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(container), Mapping):
            content = content[container]
    if not isinstance(content, Mapping):
        raise CheckpointError(f'holds no state dict, but {type(content).__name__}')
    tensors = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if not tensors:
        keys = shortened(list(map(str, content)))
        raise CheckpointError(
            'holds no state dict: '
            + (f'its keys are {keys}' if keys else 'it is empty')
        )
    return tensors


def unwrap_state_dict(
    state: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[str]]:
    """Remove prefixes of wrappers, and tensors that are not weights of the model.

    DDP adds ``module.``, torch.compile ``_orig_mod.``, the FP16 wrapper of HigherHRNet
    ``1.``, and trainers the name of their attribute that holds the model.

    Returns:
        The state dict of the model, and the names of the tensors that were removed.
    """
    state = {key.replace('_orig_mod.', ''): value for key, value in state.items()}
    prefix = _find_model_prefix(state)
    model = {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if key.startswith(prefix)
    }
    rest = [key for key in state if not key.startswith(prefix)]
    if not all(map(NOT_WEIGHTS.fullmatch, rest)):
        model, rest = state, []
    others = [key for key in model if NOT_WEIGHTS.fullmatch(key)]
    model = {key: value for key, value in model.items() if key not in others}
    return model or state, rest + others if model else []


def _find_model_prefix(state: Mapping[str, Tensor]) -> str:
    # Of a student and a teacher, take the one that predicts: a teacher of the same
    # shapes is an average of the student (SoftTeacher of mmdet), any other one only
    # served to train it (DWPose of mmpose).
    trunk = re.compile(r'(.*?)(backbone\.)?stage2\.0\.branches\..+')
    prefixes = {found[1] for found in map(trunk.fullmatch, state) if found}
    for student in prefixes:
        if student.endswith('student.'):
            teacher = student.removesuffix('student.') + 'teacher.'
            average = _shapes_under(state, student) == _shapes_under(state, teacher)
            return teacher if average else student
    return prefixes.pop() if len(prefixes) == 1 else ''


def _shapes_under(state: Mapping[str, Tensor], prefix: str) -> dict[str, torch.Size]:
    return {
        key.removeprefix(prefix): value.shape
        for key, value in state.items()
        if key.startswith(prefix)
    }


def find_family(state: Mapping[str, Tensor]) -> Family:
    """Return the first family whose table describes every key of a state dict.

    Raises:
        CheckpointError: if there is none; the message names the nearest family.
    """
    unknown = {family.name: family.unknown_keys(state) for family in FAMILIES}
    for family in FAMILIES:
        if not unknown[family.name]:
            return family
    prefix = _find_trunk_prefix(state)
    if prefix is None:
        raise CheckpointError(
            f'is no HRNet: its {len(state)} tensors ({shortened(list(state))}) belong '
            'to other layers'
        )
    if prefix.removeprefix('backbone.'):
        raise CheckpointError(
            f'has unknown names, but a trunk with the prefix {prefix!r}: '
            f'in a config, init_cfg.prefix={prefix!r} loads it'
        )
    nearest = min(unknown, key=lambda name: len(unknown[name]))
    keys = unknown[nearest]
    raise CheckpointError(
        f'is nearest to the family {nearest!r}, but {len(keys)} of its {len(state)} '
        f'tensors have unknown names: {shortened(keys)}. To load a part of it, '
        "set the prefix of the names of that part: init_cfg.prefix='...'"
    )


def _find_trunk_prefix(state: Mapping[str, Tensor]) -> str | None:
    for key in state:
        if found := re.fullmatch(r'(.*?)stage2\.0\.branches\..+', key):
            return found[1]
    return None


def check_finite(state: Mapping[str, Tensor]) -> None:
    """Raise unless all tensors are floating point and finite.

    Raises:
        CheckpointError: naming the first tensor that is not.
    """
    for key, value in state.items():
        counter = key.endswith('num_batches_tracked')
        if value.is_floating_point():
            if not value.isfinite().all():
                raise CheckpointError(
                    f'{key} is not finite: the training diverged. Nothing was loaded'
                )
        elif not counter:
            raise CheckpointError(
                f'{key} has dtype {value.dtype}; weights are floating point'
            )
