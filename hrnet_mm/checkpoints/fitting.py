"""Loading of tensors into a module, with an error unless all of them fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet

from .safe_load import CheckpointError
from .tensor_conversion import match_biases, rename_final_layer
from .trunks import list_lower_streams, read_trunk


def load_part(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str, unused: Counter[str]
) -> str:
    """Load the tensors with a prefix into a module; see ``fit_part``.

    Returns:
        A report of the tensors that were loaded, not found or ignored.

    Raises:
        CheckpointError: if a tensor is missing, left over or of another shape.
    """
    part, report = fit_part(module, file, prefix, unused)
    module.load_state_dict(part, strict=False)
    return report


def fit_part(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str, unused: Counter[str]
) -> tuple[dict[str, Tensor], str]:
    """Select the tensors for a module from a file, without loading them.

    Args:
        module: The module that the tensors must fit.
        file: Tensors by name.
        prefix: The prefix of the names of the module in the file.
        unused: Numbers of further tensors of the file by group, for the report.

    Returns:
        The tensors by the names of the module, and a report. If only one of the module
        and the file has the lower streams of stage 4, the tensors are those of the
        file.

    Raises:
        CheckpointError: if a tensor is missing, left over or of another shape.
    """
    part, ignored = _select_tensors(module, file, prefix)
    ignored += unused
    wanted = module.state_dict()
    part = match_biases(part, wanted)
    if any(name.startswith('head.final_layers.') for name in wanted):
        part = {rename_final_layer(name): value for name, value in part.items()}
    missing = {
        name
        for name in set(wanted) - set(part)
        if not name.endswith('num_batches_tracked')  # torch 0.4 had none
    }
    left_over = set(part) - set(wanted)
    lower: set[str] = set()
    if isinstance(module, HRNet):
        lower = list_lower_streams(missing | left_over, len(module.stage4))
    misfits = {
        'of another shape': list_shape_mismatches(part, wanted),
        'missing': sorted(missing - lower),
        'not in the module': sorted(left_over - lower),
    }
    if any(misfits.values()):
        raise CheckpointError(_describe_misfit(module, part, misfits))
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
    report = [f'{_name_of(module)} {found - left_over}/{wanted} tensors']
    if new:
        report.append(f'new: {new} of the lower streams, not in the file')
    if left_over:
        report.append(f'not needed: {left_over} of the lower streams')
    if ignored:
        groups = ', '.join(f'{name} ({n})' for name, n in sorted(ignored.items()))
        report.append(f'ignored: {groups}')
    return '; '.join(report)


def _select_tensors(
    module: nn.Module, file: Mapping[str, Tensor], prefix: str
) -> tuple[dict[str, Tensor], Counter[str]]:
    # the tensors of the module, and the number of all others by the first part of names
    shared = {name for name, child in module.named_children() if not child.state_dict()}
    own = {name for name, _ in module.named_children()} - shared
    own |= set(dict(module.named_parameters(recurse=False)))
    part, ignored = {}, Counter[str]()
    for key, value in file.items():
        name = key.removeprefix(prefix)
        if key.startswith(prefix) and name.split('.')[0] in own:
            part[name] = value
        else:
            ignored[name.split('.')[0]] += 1
    return part, ignored


def list_shape_mismatches(
    part: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> list[str]:
    """Return the tensors of a file that have another shape in the module.

    Args:
        part: The tensors of the file.
        wanted: The tensors of the module.
    """
    return [
        f'{name}: {tuple(part[name].shape)}, not {tuple(value.shape)}'
        for name, value in wanted.items()
        if name in part and part[name].shape != value.shape
    ]


def _name_of(module: nn.Module) -> str:
    return 'trunk' if isinstance(module, HRNet) else type(module).__name__


def _describe_misfit(
    module: nn.Module, part: Mapping[str, Tensor], misfits: Mapping[str, list[str]]
) -> str:
    what = '; '.join(
        f'{len(names)} tensors are {kind} ({shortened(names)})'
        for kind, names in misfits.items()
        if names
    )
    if isinstance(module, HRNet):
        hint = _suggest_arch(module, part)
    else:
        hint = 'To load the trunk alone, give init_cfg to the backbone.'
    return f'does not fit {_name_of(module)}: {what}. {hint}'


def _suggest_arch(module: HRNet, part: Mapping[str, Tensor]) -> str:
    try:
        trunk = read_trunk(part)
    except CheckpointError:
        return 'Use a file for this arch.'
    if trunk.in_channels != module.in_channels:
        return (
            f'The file is for images of {trunk.in_channels} channels, the trunk for '
            f'{module.in_channels}: init_cfg.inflate_stem=True adapts the stem.'
        )
    if trunk.arch is None:
        return f'The file holds a trunk {trunk.title}. Use a file for this arch.'
    return (
        f'The file holds the trunk {trunk.title}: build HRNet(arch={trunk.title}), or '
        'use a file for this arch.'
    )
