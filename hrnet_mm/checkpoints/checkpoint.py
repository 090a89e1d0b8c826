"""Any published HRNet file under our names, with what it says about itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from hrnet_mm.messages import shortened

from .families import ALIGNED, BILINEAR, FAMILIES, NEAREST, Family
from .safe_load import CheckpointError
from .trunks import Trunk, read_trunk

# What a state dict may be stored under, besides epoch, optimizer ...
CONTAINERS = (
    'state_dict',
    'model',
    'model_state_dict',
    'best_state_dict',
    'net',
    'weights',
    'state_dict_ema',
)

# What is stored among the weights of a model, and is none of them: the averages of
# mmcv 1's EMAHook, the model that it learned from or taught, the weights of its loss,
# the pixel statistics of mmengine 0.1, and the counters of thop.
BESIDE = re.compile(
    r'ema_\w+|(module\.)?(student|teacher|distill_losses|loss|data_preprocessor)\..+'
    r'|(.+\.)?total_(ops|params)'
)


@dataclass(frozen=True)
class Checkpoint:
    """A file of a known family.

    Attributes:
        source: Where it was read.
        family: Its layout.
        tensors: All that has a place here, under our names, in float32.
        unused: Their names of what has none.
        renamed: Whether some tensor has another name in the file.
        meta: What the runner stored beside, such as the names of the classes.
        half: Whether some numbers were of 16 bits.
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
        """The architecture of its trunk, if it has one."""
        return read_trunk(self.part('backbone.')) if self.part('backbone.') else None

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below a name, without that name."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }

    @property
    def upsampling(self) -> dict[str, Any] | None:
        """``upsample_cfg`` of the trunk these weights were trained with, if known.

        It has no parameters. The families differ (docs/checkpoints.md); a conversion
        keeps it beside, and a job of ours or of mmpose stores it in its config.
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
        """Whether a pose head reads HRNetV2: landmarks of faces and hands."""
        weight = self.tensors.get('head.conv_layers.0.weight')
        if weight is None or self.trunk is None:
            return False
        return weight.shape[1] == sum(self.trunk.stages[-1].channels)

    @property
    def representation(self) -> str:
        """What the heads of the file read off the streams."""
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
        """Classes, joints or landmarks, if the last layer of a head says so."""
        for name, background in LAST_LAYERS.items():
            if (weight := self.tensors.get(f'{name}.weight')) is not None:
                return len(weight) - background
        return None


# Last layers of the heads, and how many of their outputs are background.
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
    """Read a file of any family; a path, an URL or a name of mmengine's.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is damaged, asks to run code, is in no table of names,
            or holds numbers that are none.
    """
    content = CheckpointLoader.load_checkpoint(str(source), 'cpu', logger='silent')
    try:
        return understand(str(source), content)
    except CheckpointError as error:
        raise CheckpointError(f'{source}: {error}') from None


def understand(source: str, content: Any) -> Checkpoint:
    """Find the family of what a file holds, and give it our names."""
    stored = find_state_dict(content)
    state, beside = separated(stored)
    family = recognise(state)
    check_numbers(state)
    tensors, unused = {}, beside
    for key, value in state.items():
        name = family.our_name(key)
        if name is None:
            unused.append(key)
        else:
            tensors[name] = value.float() if value.is_floating_point() else value
    meta = content.get('meta') if isinstance(content, Mapping) else None
    checkpoint = Checkpoint(
        source,
        family,
        dict(family.to_ours(tensors)),
        tuple(unused),
        not set(tensors) <= {key.removeprefix('module.') for key in stored},
        meta if isinstance(meta, Mapping) else {},
        any(v.dtype in (torch.float16, torch.bfloat16) for v in state.values()),
    )
    _ = checkpoint.trunk  # is checked where it is read
    return checkpoint


def find_state_dict(content: Any) -> dict[str, Tensor]:
    """The tensors of a file, whatever they are stored under."""
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


def separated(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The model, without what other code puts before its names, and the other names.

    DDP puts ``module.`` there, torch.compile ``_orig_mod.``, the FP16 wrapper of
    HigherHRNet ``1.``, and trainers the name that the model has in them.
    """
    state = {key.replace('_orig_mod.', ''): value for key, value in state.items()}
    prefix = model_prefix(state)
    model = {
        key.removeprefix(prefix): value
        for key, value in state.items()
        if key.startswith(prefix)
    }
    rest = [key for key in state if not key.startswith(prefix)]
    if not all(map(BESIDE.fullmatch, rest)):
        model, rest = state, []
    beside = [key for key in model if BESIDE.fullmatch(key)]
    model = {key: value for key, value in model.items() if key not in beside}
    return model or state, rest + beside if model else []


def model_prefix(state: Mapping[str, Tensor]) -> str:
    """Return the prefix of the model that has the trunk, ``''`` if it has none.

    Of a student and a teacher, take the one that predicts: a teacher of the same shapes
    is an average of the student (SoftTeacher of mmdet), another one only taught it
    (DWPose of mmpose).
    """
    trunk = re.compile(r'(.*?)(backbone\.)?stage2\.0\.branches\..+')
    prefixes = {found[1] for found in map(trunk.fullmatch, state) if found}
    for student in prefixes:
        if student.endswith('student.'):
            teacher = student.removesuffix('student.') + 'teacher.'
            average = shapes_below(state, student) == shapes_below(state, teacher)
            return teacher if average else student
    return prefixes.pop() if len(prefixes) == 1 else ''


def shapes_below(state: Mapping[str, Tensor], prefix: str) -> dict[str, torch.Size]:
    """The shapes of the tensors below a name."""
    return {
        key.removeprefix(prefix): value.shape
        for key, value in state.items()
        if key.startswith(prefix)
    }


def recognise(state: Mapping[str, Tensor]) -> Family:
    """The family whose table describes every key.

    Raises:
        CheckpointError: if there is none.
    """
    unknown = {family.name: family.unknown(state) for family in FAMILIES}
    for family in FAMILIES:
        if not unknown[family.name]:
            return family
    prefix = trunk_prefix(state)
    if prefix is None:
        raise CheckpointError(
            f'is no HRNet: its {len(state)} tensors ({shortened(list(state))}) are of '
            'other layers'
        )
    if prefix.removeprefix('backbone.'):
        raise CheckpointError(
            f'is in no table of names, but has a trunk below {prefix!r}: '
            f'in a config, init_cfg.prefix={prefix!r} loads it'
        )
    nearest = min(unknown, key=lambda name: len(unknown[name]))
    keys = unknown[nearest]
    raise CheckpointError(
        f'is nearest to the family {nearest!r}, but {len(keys)} of its {len(state)} '
        f'tensors are in no table of names: {shortened(keys)}. To load a part of it, '
        "say what the names of that part begin with: init_cfg.prefix='...'"
    )


def trunk_prefix(state: Mapping[str, Tensor]) -> str | None:
    """What the names of a trunk begin with; None where there is no trunk."""
    for key in state:
        if found := re.fullmatch(r'(.*?)stage2\.0\.branches\..+', key):
            return found[1]
    return None


def check_numbers(state: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not real numbers, or not finite."""
    for key, value in state.items():
        counter = key.endswith('num_batches_tracked')
        if value.is_floating_point():
            if not value.isfinite().all():
                raise CheckpointError(
                    f'{key} is not finite: training had diverged. Nothing was loaded'
                )
        elif not counter:
            raise CheckpointError(f'{key} is of {value.dtype}, which no weight is')
