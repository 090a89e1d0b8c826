"""``init_cfg=dict(type='hrnet_mm.Pretrained', ...)``: all that fits, or an error.

mmengine's own ``Pretrained`` logs what did not fit and goes on: a trunk of another
width then trains from noise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model.weight_init import update_init_info
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from hrnet_mm.data.checked import shortened
from hrnet_mm.models import ARCHS, HRNet
from hrnet_mm.registry import WEIGHT_INITIALIZERS

from .loading import CheckpointError

# What the last exchange puts out besides stream 0: HRNetV1, for pose, does without.
LOWER_STREAMS = re.compile(r'stage4\.\d+\.fuse_layers\.[1-9]\.')


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """Loads the part of a checkpoint that belongs to a module.

    ImageNet files initialise the trunks of pose, segmentation and detection, and any
    model of one task the trunk of another. A trunk with all streams takes one that has
    stream 0 alone, and the reverse; the log says so.

    Args:
        checkpoint: A path, an URL, or a name like ``open-mmlab://msra/hrnetv2_w18``.
        prefix: What the names of the module begin with in the file: ``backbone.``.
            Found by itself if not given.
    """

    def __init__(self, checkpoint: str, prefix: str | None = None) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix

    def __call__(self, module: nn.Module) -> None:
        """Load, and log what matched.

        Raises:
            FileNotFoundError: if there is no such file.
            CheckpointError: if the file is damaged, asks to run code, or does not
                cover the module with tensors of its shapes.
        """
        check_stands_last(module)
        initialise_children(module)
        file = read_state_dict(self.checkpoint)
        prefix = self.prefix
        if prefix is None:
            prefix = find_prefix(file, module.state_dict())
        try:
            report = load_part(module, file, prefix)
        except CheckpointError as error:
            raise CheckpointError(f'{self.checkpoint}: {error}') from None
        print_log(f'{self.checkpoint}: {report}', logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'Pretrained: load from {self.checkpoint}')


def check_stands_last(module: nn.Module) -> None:
    """What follows in a list of initialisers would overwrite what was loaded."""
    cfgs = getattr(module, 'init_cfg', None)
    for cfg in cfgs[:-1] if isinstance(cfgs, list) else []:
        if str(cfg.get('type')).endswith('Pretrained'):
            raise ValueError(
                f'init_cfg of {type(module).__name__} goes on after {cfg["type"]}, and '
                'would overwrite what that loads: put it last'
            )


def initialise_children(module: nn.Module) -> None:
    """Before loading, as mmengine does for the type ``Pretrained`` alone."""
    for child in module.children():
        initialise = getattr(child, 'init_weights', None)
        if initialise and not getattr(child, 'is_init', False):
            initialise()
            child.is_init = True  # type: ignore[assignment]


def read_state_dict(checkpoint: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint file, without the prefix of DDP."""
    content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='current')
    if isinstance(content, Mapping):
        content = content.get('state_dict', content)
    if not isinstance(content, Mapping):
        raise CheckpointError(f'{checkpoint} holds no state dict: {type(content)}')
    return {
        key.removeprefix('module.'): value
        for key, value in content.items()
        if isinstance(value, Tensor)
    }


def find_prefix(file: Iterable[str], names: Mapping[str, Any]) -> str:
    """The beginning of the keys in a file that end as most of ``names``."""
    found: Counter[str] = Counter()
    for key in file:
        parts = key.split('.')
        for i in range(len(parts)):
            if '.'.join(parts[i:]) in names:
                found[''.join(f'{part}.' for part in parts[:i])] += 1
    return found.most_common(1)[0][0] if found else ''


def load_part(module: nn.Module, file: Mapping[str, Tensor], prefix: str) -> str:
    """Load what begins with ``prefix``; say what matched.

    Raises:
        CheckpointError: if a tensor is missing, left over, of another shape or not
            finite.
    """
    part, ignored = select(module, file, prefix)
    wanted = module.state_dict()
    missing = {
        name
        for name in set(wanted) - set(part)
        if not name.endswith('num_batches_tracked')  # torch 0.4 had none
    }
    left_over = set(part) - set(wanted)
    lower = set()
    if isinstance(module, HRNet):
        lower = {name for name in missing | left_over if LOWER_STREAMS.match(name)}
    misfits = {
        'of another shape': shapes_that_differ(part, wanted),
        'missing': sorted(missing - lower),
        'without a place': sorted(left_over - lower),
    }
    if any(misfits.values()):
        raise CheckpointError(describe_misfit(module, part, misfits))
    for name, value in part.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f'{prefix}{name} is not finite: nothing was loaded')
    module.load_state_dict(part, strict=False)

    report = [f'{title(module)} {len(part) - len(left_over)}/{len(wanted)} tensors']
    if missing:
        report.append(f'new: {len(missing)} of the lower streams, not in the file')
    if left_over:
        report.append(f'not needed: {len(left_over)} of the lower streams')
    if ignored:
        groups = ', '.join(f'{name} ({n})' for name, n in sorted(ignored.items()))
        report.append(f'ignored: {groups}')
    return '; '.join(report)


def select(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str
) -> tuple[dict[str, Tensor], Counter[str]]:
    """What a file holds for a module, and the number of other tensors by first name."""
    own = {name for name, _ in module.named_children()}
    own |= set(dict(module.named_parameters(recurse=False)))
    part, ignored = {}, Counter[str]()
    for key, value in file.items():
        name = key.removeprefix(prefix)
        if key.startswith(prefix) and name.split('.')[0] in own:
            part[name] = value
        else:
            ignored[key.split('.')[0]] += 1
    return part, ignored


def shapes_that_differ(
    part: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> list[str]:
    """Names and both shapes."""
    return [
        f'{name}: {tuple(part[name].shape)}, not {tuple(value.shape)}'
        for name, value in wanted.items()
        if name in part and part[name].shape != value.shape
    ]


def title(module: nn.Module) -> str:
    """What a report calls a module."""
    return 'trunk' if isinstance(module, HRNet) else type(module).__name__


def describe_misfit(
    module: nn.Module, part: Mapping[str, Tensor], misfits: Mapping[str, list[str]]
) -> str:
    """Why a file is none of this module, and what may be done."""
    what = '; '.join(
        f'{len(names)} tensors are {kind} ({shortened(names)})'
        for kind, names in misfits.items()
        if names
    )
    if isinstance(module, HRNet):
        hint = 'Take the file of your arch.'
        archs = [name for name in ARCHS if holds(part, name)]
        if archs:
            hint = (
                f'The file holds the trunk {archs[0]!r}: build HRNet(arch={archs[0]!r})'
                ', or take the file of your arch.'
            )
    else:
        hint = 'To load the trunk alone, give init_cfg to the backbone.'
    return f'does not fit {title(module)}: {what}. {hint}'


def holds(part: Mapping[str, Tensor], arch: str) -> bool:
    """Whether these are the tensors of a published trunk."""
    with torch.device('meta'):
        trunk = HRNet(arch).state_dict()
    names = {name for name in trunk if not LOWER_STREAMS.match(name)}
    held = {name for name in part if not LOWER_STREAMS.match(name)}
    return names == held and all(part[n].shape == trunk[n].shape for n in names)
