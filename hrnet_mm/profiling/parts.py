"""The cost of each part of a network: stages and streams of the trunk, neck, head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .measure import Layer

TRUNK = 'backbone.'
STEM = re.compile(r'(conv|bn|gn|norm)[12]$')
BRANCH = re.compile(r'stage(\d)\.\d+\.branches\.(\d+)\.')
EXCHANGE = re.compile(r'stage(\d)\.\d+\.fuse_layers\.')
TASK = re.compile(r'tasks\.(\w+)\.(\w+)\.')
TRANSITION = re.compile(r'transition(\d)\.')


@dataclass
class Part:
    """A part of a network and its cost in a forward pass.

    Attributes:
        name: The name, such as ``'stage 3'`` or ``'neck'``, or that of a task.
        detail: ``'stream 2'``, ``'exchange'``, ``'transition'``, the part of a task,
            such as ``'neck'``, or empty.
        parameters: See ``Layer``.
        macs: See ``Layer``.
        activations: See ``Layer``.
        channels: The channels of the output, if it is a single stream.
        stride: The stride of the output, if it is a single stream.
    """

    name: str
    detail: str = ''
    parameters: int = 0
    macs: int = 0
    activations: int = 0
    channels: int | None = None
    stride: int | None = None


def parts(layers: Mapping[str, Layer], height: int) -> list[Part]:
    """Sum up the cost of layers by the part of the network.

    Args:
        layers: The result of ``measure``.
        height: The height of the image in pixels, for the strides.
    """
    found: dict[tuple[str, str], Part] = {}
    for name, layer in layers.items():
        key = _part_of_layer(name)
        part = found.setdefault(key, Part(*key))
        part.parameters += layer.parameters
        part.macs += layer.macs
        part.activations += layer.activations
        one_stream = part.name == 'stem' or part.detail.startswith('stream')
        if one_stream and len(layer.shape) == 4 and '.downsample.' not in name:
            part.channels = layer.shape[1]
            part.stride = round(height / layer.shape[2])
    return [*found.values()]


def _part_of_layer(name: str) -> tuple[str, str]:
    inner = name.removeprefix(TRUNK)
    if STEM.match(inner):
        return 'stem', ''
    if inner.startswith('layer1.'):
        return 'stage 1', 'stream 0'
    if found := TRANSITION.match(inner):
        return f'stage {int(found[1]) + 1}', 'transition'
    if found := BRANCH.match(inner):
        return f'stage {found[1]}', f'stream {found[2]}'
    if found := EXCHANGE.match(inner):
        return f'stage {found[1]}', 'exchange'
    if found := TASK.match(name):
        return found[1], found[2]
    return name.split('.')[0], ''
