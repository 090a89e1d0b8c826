"""Puts the tensors of a file into a module: all of them, or an error that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet

from .safe_load import CheckpointError
from .tensor_conversion import first_of_layers, with_biases_of
from .trunks import lower_streams, read_trunk


def load_part(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str, unused: Counter[str]
) -> str:
    """Load what begins with ``prefix``; say what matched.

    Raises:
        CheckpointError: if a tensor is missing, left over or of another shape.
    """
    part, report = fit_part(module, file, prefix, unused)
    module.load_state_dict(part, strict=False)
    return report


def fit_part(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str, unused: Counter[str]
) -> tuple[dict[str, Tensor], str]:
    """Find what begins with ``prefix`` under the names of a module; load nothing.

    Args:
        module: What the tensors must fit.
        file: Tensors by name.
        prefix: What the names of the module begin with in the file.
        unused: Numbers of other tensors, for the report.

    Returns:
        The tensors, and what matched. Of a trunk with all streams and one that has
        stream 0 alone, the tensors are those of the file.

    Raises:
        CheckpointError: if a tensor is missing, left over or of another shape.
    """
    part, ignored = select(module, file, prefix)
    ignored += unused
    wanted = module.state_dict()
    part = with_biases_of(part, wanted)
    if any(name.startswith('head.final_layers.') for name in wanted):
        part = {first_of_layers(name): value for name, value in part.items()}
    missing = {
        name
        for name in set(wanted) - set(part)
        if not name.endswith('num_batches_tracked')  # torch 0.4 had none
    }
    left_over = set(part) - set(wanted)
    lower: set[str] = set()
    if isinstance(module, HRNet):
        lower = lower_streams(missing | left_over, len(module.stage4))
    misfits = {
        'of another shape': shapes_that_differ(part, wanted),
        'missing': sorted(missing - lower),
        'without a place': sorted(left_over - lower),
    }
    if any(misfits.values()):
        raise CheckpointError(describe_misfit(module, part, misfits))
    new = len(set(wanted) - set(part)) if missing else 0
    return part, _report(module, len(wanted), len(part), new, len(left_over), ignored)


def _report(
    module: nn.Module,
    wanted: int,
    found: int,
    new: int,
    left_over: int,
    ignored: Counter[str],
) -> str:
    report = [f'{title(module)} {found - left_over}/{wanted} tensors']
    if new:
        report.append(f'new: {new} of the lower streams, not in the file')
    if left_over:
        report.append(f'not needed: {left_over} of the lower streams')
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
            ignored[name.split('.')[0]] += 1
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
        hint = hint_at_arch(module, part)
    else:
        hint = 'To load the trunk alone, give init_cfg to the backbone.'
    return f'does not fit {title(module)}: {what}. {hint}'


def hint_at_arch(module: HRNet, part: Mapping[str, Tensor]) -> str:
    """What to build for the trunk of a file."""
    try:
        trunk = read_trunk(part)
    except CheckpointError:
        return 'Take the file of your arch.'
    if trunk.in_channels != module.in_channels:
        return (
            f'The file is for images of {trunk.in_channels} channels, the trunk for '
            f'{module.in_channels}: init_cfg.inflate_stem=True adapts the stem.'
        )
    if trunk.arch is None:
        return f'The file holds a trunk {trunk.title}. Take the file of your arch.'
    return (
        f'The file holds the trunk {trunk.title}: build HRNet(arch={trunk.title}), or '
        'take the file of your arch.'
    )
