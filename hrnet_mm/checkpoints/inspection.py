"""What a file is, for the eyes of a person and as data."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from hrnet_mm.libraries import LIBRARIES

from .checkpoint import Checkpoint
from .conversion import TARGETS, Conversion, counterpart
from .trunks import Trunk

if TYPE_CHECKING:
    from rich.table import Table

OUTPUTS = {'pose': 'joints', 'backbone': 'outputs'}


def inspect(checkpoint: Checkpoint) -> dict[str, Any]:
    """Family, architecture, task, interpolation, and what loads where."""
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
        parts=[part(checkpoint, name) for name in part_names(checkpoint)],
        unused=dict(Counter(key.split('.')[0] for key in checkpoint.unused)),
        converts_to=[to for to in TARGETS if keeps_heads(checkpoint, to)],
    )


def part_names(checkpoint: Checkpoint) -> list[str]:
    """Backbone, neck, heads, in the order of the file."""
    return list(dict.fromkeys(name.split('.')[0] for name in checkpoint.tensors))


def part(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    """The size of a part, and what it is loaded into."""
    tensors = checkpoint.part(f'{name}.')
    buffers = ('running_mean', 'running_var', 'num_batches_tracked')
    learned = [v for k, v in tensors.items() if not k.endswith(buffers)]
    return dict(
        name=name,
        tensors=len(tensors),
        parameters=sum(value.numel() for value in learned),
        loads_into=loads_into(checkpoint, name),
    )


def loads_into(checkpoint: Checkpoint, name: str) -> str:
    """The module to build for a part."""
    trunk = checkpoint.trunk
    if name == 'backbone' and trunk:
        return describe_trunk(trunk, checkpoint.upsampling)
    if name == 'neck' and trunk:
        kind = 'HRNetC' if checkpoint.representation == 'C' else 'HRNetV2p'
        biased = 'neck.0.downsample_layers.0.conv.bias' in checkpoint.tensors
        options = f'in_channels={list(trunk.stages[-1].channels)}'
        return f'hrnet_mm.{kind}({options}{", bias=True" if biased else ""})'
    if name == 'decode_head':
        ocr = 'decode_head.1.conv_seg.weight' in checkpoint.tensors
        kind = 'HRNetV2Head and hrnet_mm.OCRHead' if ocr else 'HRNetV2Head'
        return f'hrnet_mm.{kind}(num_classes={checkpoint.num_outputs})'
    scopes = {library.task: scope for scope, library in LIBRARIES.items()}
    return f'the {name} of {scopes.get(checkpoint.family.task, "a library")}'


def describe_trunk(trunk: Trunk, upsample_cfg: dict[str, Any] | None) -> str:
    """How to build a trunk, as code; what is as by default is left out."""
    options = [f'arch={trunk.arch!r}' if trunk.arch else 'extra={...}']
    if trunk.in_channels != 3:
        options.append(f'in_channels={trunk.in_channels}')
    if not trunk.multiscale_output:
        options.append('multiscale_output=False')
    if upsample_cfg and upsample_cfg['mode'] != 'nearest':
        cfg = ', '.join(f'{key}={value!r}' for key, value in upsample_cfg.items())
        options.append(f'upsample_cfg=dict({cfg})')
    return f'hrnet_mm.HRNet({", ".join(options)})'


def keeps_heads(checkpoint: Checkpoint, to: str) -> bool:
    """Whether a conversion keeps more than the trunk."""
    if checkpoint.trunk is None:
        return False
    return counterpart(checkpoint, to).task != 'backbone'


def inspection_table(found: dict[str, Any]) -> Table:
    """The facts, then the parts."""
    from rich.table import Table

    table = Table(title=found['source'], title_justify='left')
    for heading in ('', 'tensors', 'parameters', 'loads into'):
        justify: Any = 'right' if heading in ('tensors', 'parameters') else 'left'
        table.add_column(heading, justify=justify, overflow='fold')
    for row in found['parts']:
        counts = f'{row["tensors"]:,}', f'{row["parameters"]:,}'
        table.add_row(row['name'], *counts, row['loads_into'])
    for name, count in found['unused'].items():
        table.add_row(name, f'{count:,}', '', 'nothing: known, and of no use here')
    table.caption = '\n'.join(sentences(found))
    table.caption_justify = 'left'
    return table


def sentences(found: dict[str, Any]) -> list[str]:
    """The facts that are not counts."""
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
        lines.append('some numbers are of 16 bits; they are read as float32')
    targets = ', '.join(found['converts_to']) or 'none (the trunk alone, to all)'
    lines.append(f'converts whole to: {targets}')
    return lines


def conversion_report(
    checkpoint: Checkpoint, conversion: Conversion, target: os.PathLike[str]
) -> str:
    """What was written, and what was not."""
    written = conversion.family.name
    if conversion.family.task == 'backbone':
        written = 'the trunk alone'
    lines = [
        f'{checkpoint.source} ({checkpoint.family.name}) -> {target} '
        f'({written}): {len(conversion.state)} tensors'
    ]
    gone = Counter(name.split('.')[0] for name in conversion.left_out)
    gone += Counter(key.split('.')[0] for key in checkpoint.unused)
    if gone:
        groups = ', '.join(f'{name} ({n})' for name, n in sorted(gone.items()))
        lines.append(f'left out, no place there: {groups}')
    if conversion.folded:
        lines.append(f'biases folded into the norms: {len(conversion.folded)}')
    return '\n'.join(lines)
