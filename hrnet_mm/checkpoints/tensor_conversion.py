"""Where two layouts mean the same by other numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

State = Mapping[str, Tensor]

# mmdetection before 2.0 counted background as class 0, now it is the last one.
CLASS_SCORES = re.compile(r'roi_head\.bbox_head\.(\d+\.)?fc_cls\.(weight|bias)')
BOXES = re.compile(r'roi_head\.bbox_head\.(\d+\.)?fc_reg\.(weight|bias)')
MASKS = re.compile(r'roi_head\.mask_head\.(\d+\.)?conv_logits\.(weight|bias)')


def background_last(state: State) -> dict[str, Tensor]:
    """Heads of mmdetection 0.5 and 1.x, whose class 0 is background.

    Boxes and masks of the background, which nothing ever reads, are dropped; boxes that
    all classes share are as they were.
    """
    changed = dict(state)
    for name, value in state.items():
        if CLASS_SCORES.fullmatch(name):
            changed[name] = value.roll(-1, 0)
        elif BOXES.fullmatch(name) and len(value) > 4:
            changed[name] = value[4:].clone()
        elif MASKS.fullmatch(name):
            changed[name] = value[1:].clone()
    return changed


def background_first(state: State) -> dict[str, Tensor]:
    """The reverse; boxes and masks of the background are zero."""
    changed = dict(state)
    for name, value in state.items():
        if CLASS_SCORES.fullmatch(name):
            changed[name] = value.roll(1, 0)
        elif BOXES.fullmatch(name) and len(value) > 4:
            changed[name] = torch.cat([torch.zeros_like(value[:4]), value])
        elif MASKS.fullmatch(name):
            changed[name] = torch.cat([torch.zeros_like(value[:1]), value])
    return changed


def without_negative_scales(state: State) -> dict[str, Tensor]:
    """InPlaceABN, with which the first segmentation models were trained.

    It scales by ``|weight| + eps`` (inplace_abn_cuda.cu:127 of the official code).
    Those files are of torch 0.4, whose norms do not count batches.
    """
    if any(name.endswith('num_batches_tracked') for name in state):
        return dict(state)
    return {
        name: value.abs() + 1e-5 if is_scale(name, state) else value
        for name, value in state.items()
    }


def is_scale(name: str, state: State) -> bool:
    """Whether this is the weight of a batch norm."""
    norm, _, tensor = name.rpartition('.')
    return tensor == 'weight' and f'{norm}.running_mean' in state


# Convolutions of the official networks that have a bias before a norm.
OFFICIAL_BIASES = re.compile(
    r'(neck\.0\.(downsample_layers\.\d+|final_layer)|decode_head\.(0\.)?convs\.0'
    r'|decode_head\.1\.bottleneck)\.conv\.weight'
)


def official_biases(state: State) -> list[str]:
    """What the official networks have besides the tensors of OpenMMLab's."""
    return [
        name.removesuffix('weight') + 'bias'
        for name in state
        if OFFICIAL_BIASES.fullmatch(name)
    ]


def with_biases_of(state: State, wanted: Collection[str]) -> dict[str, Tensor]:
    """Give the convolutions before norms a bias exactly where ``wanted`` has one.

    A norm subtracts the mean of what it gets: a bias before it is the same as a running
    mean that is smaller by it.
    """
    changed = dict(state)
    for name in state:
        layer, _, tensor = name.rpartition('.bn.')
        if tensor != 'running_mean':
            continue
        bias = f'{layer}.conv.bias'
        if bias in state and bias not in wanted:
            changed[name] = state[name] - changed.pop(bias)
        elif bias in wanted and bias not in state:
            changed[bias] = torch.zeros_like(state[name])
    return changed


def first_of_layers(name: str) -> str:
    """The bottom-up head of mmpose has one last layer, the official one a list."""
    return re.sub(r'\bfinal_layer\.', 'final_layers.0.', name)
