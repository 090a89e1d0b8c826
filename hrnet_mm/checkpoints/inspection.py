"""Description of checkpoints and of conversions, as data and as text."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from hrnet_mm.libraries import LIBRARIES

from .checkpoint import Checkpoint
from .conversion import TARGETS, Conversion, find_target_family
from .trunks import Trunk

if TYPE_CHECKING:
    from rich.table import Table

OUTPUTS = {'pose': 'keypoints', 'backbone': 'outputs'}


def inspect(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the family, architecture, task and parts of a checkpoint, for JSON."""
    trunk = checkpoint.trunk
    return dict(
        source=checkpoint.source,
        family=checkpoint.family.name,
        arch=trunk and trunk.arch,
        width=trunk and trunk.width,
        in_channels=trunk and trunk.in_channels,
        representation=checkpoint.representation,
        task=checkpoint.family.task,
        outputs=checkpoint.num_outputs,
        upsample_cfg=checkpoint.upsampling,
        half=checkpoint.half,
        parts=[_describe_part(checkpoint, name) for name in _part_names(checkpoint)],
        unused=dict(Counter(key.split('.')[0] for key in checkpoint.unused)),
        converts_to=[to for to in TARGETS if _keeps_heads(checkpoint, to)],
    )


def _part_names(checkpoint: Checkpoint) -> list[str]:
    # backbone, neck, heads, in the order of the file
    return list(dict.fromkeys(name.split('.')[0] for name in checkpoint.tensors))


def _describe_part(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    tensors = checkpoint.part(f'{name}.')
    buffers = ('running_mean', 'running_var', 'num_batches_tracked')
    learned = [v for k, v in tensors.items() if not k.endswith(buffers)]
    return dict(
        name=name,
        tensors=len(tensors),
        parameters=sum(value.numel() for value in learned),
        loads_into=_describe_target(checkpoint, name),
    )


def _describe_target(checkpoint: Checkpoint, name: str) -> str:
    trunk = checkpoint.trunk
    if name == 'backbone' and trunk:
        return _describe_trunk(trunk, checkpoint.upsampling)
    if name == 'neck' and trunk:
        kind = 'HRNetC' if checkpoint.representation == 'C' else 'HRNetV2p'
        biased = 'neck.0.downsample_layers.0.conv.bias' in checkpoint.tensors
        options = f'in_channels={list(trunk.stages[-1].channels)}'
        return f'hrnet_mm.{kind}({options}{", bias=True" if biased else ""})'
    if 'decode_head.conv_depth.weight' in checkpoint.tensors and name == 'decode_head':
        return 'hrnet_mm.DepthHead()'
    if name == 'decode_head':
        ocr = 'decode_head.1.conv_seg.weight' in checkpoint.tensors
        kind = 'HRNetV2Head and hrnet_mm.OCRHead' if ocr else 'HRNetV2Head'
        return f'hrnet_mm.{kind}(num_classes={checkpoint.num_outputs})'
    scopes = {library.task: scope for scope, library in LIBRARIES.items()}
    return f'the {name} of {scopes.get(checkpoint.family.task, "a library")}'


def _describe_trunk(trunk: Trunk, upsample_cfg: dict[str, Any] | None) -> str:
    # as code, without default values
    options = [f'arch={trunk.arch!r}' if trunk.arch else 'extra={...}']
    if trunk.in_channels != 3:
        options.append(f'in_channels={trunk.in_channels}')
    if not trunk.multiscale_output:
        options.append('multiscale_output=False')
    if upsample_cfg and upsample_cfg['mode'] != 'nearest':
        cfg = ', '.join(f'{key}={value!r}' for key, value in upsample_cfg.items())
        options.append(f'upsample_cfg=dict({cfg})')
    return f'hrnet_mm.HRNet({", ".join(options)})'


def _keeps_heads(checkpoint: Checkpoint, to: str) -> bool:
    if checkpoint.trunk is None:
        return False
    return find_target_family(checkpoint, to).task != 'backbone'


def inspection_table(found: dict[str, Any]) -> Table:
    """Return the result of ``inspect`` as a table of the parts, with a caption."""
    from rich.table import Table

    table = Table(title=found['source'], title_justify='left')
    for heading in ('', 'tensors', 'parameters', 'loads into'):
        justify: Any = 'right' if heading in ('tensors', 'parameters') else 'left'
        table.add_column(heading, justify=justify, overflow='fold')
    for row in found['parts']:
        counts = f'{row["tensors"]:,}', f'{row["parameters"]:,}'
        table.add_row(row['name'], *counts, row['loads_into'])
    for name, count in found['unused'].items():
        table.add_row(name, f'{count:,}', '', 'nothing: known, but not used here')
    table.caption = '\n'.join(_caption_lines(found))
    table.caption_justify = 'left'
    return table


def _caption_lines(found: dict[str, Any]) -> list[str]:
    arch = found['arch'] or (
        f'width {found["width"]}' if found['width'] else 'no trunk'
    )
    outputs = OUTPUTS.get(found['task'], 'classes')
    lines = [
        f'family: {found["family"]}; trunk: {arch}; representation: '
        f'{found["representation"]}',
        f'task: {found["task"]}'
        + (f', {found["outputs"]} {outputs}' if found['outputs'] else ''),
        f'interpolation of its exchanges: {found["upsample_cfg"] or "not known"}',
    ]
    if found['half']:
        lines.append('some values have 16 bits; they are read as float32')
    targets = ', '.join(found['converts_to']) or 'none (only the trunk, to all)'
    lines.append(f'converts with its heads to: {targets}')
    return lines


def conversion_report(
    checkpoint: Checkpoint, conversion: Conversion, target: os.PathLike[str]
) -> str:
    """Return a text that says which tensors were converted and which left out."""
    written = conversion.family.name
    if conversion.family.task == 'backbone':
        written = 'the trunk alone'
    lines = [
        f'{checkpoint.source} ({checkpoint.family.name}) -> {target} '
        f'({written}): {len(conversion.state)} tensors'
    ]
    if conversion.family.task == 'backbone' and _lacks_last_exchange(conversion):
        lines.append(
            f'not in {checkpoint.source}: the last exchange of streams 1 to 3, which '
            'trunks with four outputs start with random weights'
        )
    gone = Counter(name.split('.')[0] for name in conversion.left_out)
    gone += Counter(key.split('.')[0] for key in checkpoint.unused)
    if gone:
        groups = ', '.join(f'{name} ({n})' for name, n in sorted(gone.items()))
        lines.append(f'left out, not used there: {groups}')
    if conversion.folded:
        lines.append(f'biases folded into the norms: {len(conversion.folded)}')
    return '\n'.join(lines)


def _lacks_last_exchange(conversion: Conversion) -> bool:
    # the last module of a trunk with one output has an exchange for stream 0 only
    stage4 = {tuple(k.split('.')[1:4]) for k in conversion.state if k[:7] == 'stage4.'}
    exchanges = {
        (int(module), i) for module, part, i in stage4 if part == 'fuse_layers'
    }
    last = max((module for module, _ in exchanges), default=None)
    return last is not None and (last, '1') not in exchanges
