"""Changes of tensor values between layouts that store the same model differently."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

State = Mapping[str, Tensor]

# In mmdetection before 2.0, background was class 0; now it is the last class.
CLASS_SCORES = re.compile(r'roi_head\.bbox_head\.(\d+\.)?fc_cls\.(weight|bias)')
BOXES = re.compile(r'roi_head\.bbox_head\.(\d+\.)?fc_reg\.(weight|bias)')
MASKS = re.compile(r'roi_head\.mask_head\.(\d+\.)?conv_logits\.(weight|bias)')


def move_background_last(state: State) -> dict[str, Tensor]:
    """Convert heads of mmdetection 0.5 and 1.x, in which class 0 is background.

    The boxes and masks of the background, which are never read, are dropped. Boxes
    shared by all classes stay unchanged.
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


def move_background_first(state: State) -> dict[str, Tensor]:
    """Invert ``move_background_last``; background boxes and masks become zero."""
    changed = dict(state)
    for name, value in state.items():
        if CLASS_SCORES.fullmatch(name):
            changed[name] = value.roll(1, 0)
        elif BOXES.fullmatch(name) and len(value) > 4:
            changed[name] = torch.cat([torch.zeros_like(value[:4]), value])
        elif MASKS.fullmatch(name):
            changed[name] = torch.cat([torch.zeros_like(value[:1]), value])
    return changed


# Cityscapes has its 8 things after its 11 classes of stuff; MMDetection things first.
CITYSCAPES_STUFF, CITYSCAPES_CLASSES = 11, 19
PANOPTIC_CLASSES = re.compile(r'semantic_head\.predictor\.(weight|bias)')


def move_things_first(state: State) -> dict[str, Tensor]:
    """Reorder the classes of Cityscapes for MMDetection; those of COCO stay."""
    return _roll_classes(state, -CITYSCAPES_STUFF)


def move_things_last(state: State) -> dict[str, Tensor]:
    """Invert ``move_things_first``."""
    return _roll_classes(state, CITYSCAPES_STUFF)


def _roll_classes(state: State, shift: int) -> dict[str, Tensor]:
    return {
        name: value.roll(shift, 0)
        if PANOPTIC_CLASSES.fullmatch(name) and len(value) == CITYSCAPES_CLASSES
        else value
        for name, value in state.items()
    }


def make_scales_positive(state: State) -> dict[str, Tensor]:
    """Convert norms of InPlaceABN, which the first segmentation models used.

    It scales by ``|weight| + eps`` (inplace_abn_cuda.cu:127 of the official code). Its
    files are of torch 0.4 and hence without ``num_batches_tracked``.
    """
    if any(name.endswith('num_batches_tracked') for name in state):
        return dict(state)
    return {
        name: value.abs() + 1e-5 if _is_norm_scale(name, state) else value
        for name, value in state.items()
    }


def _is_norm_scale(name: str, state: State) -> bool:
    norm, _, tensor = name.rpartition('.')
    return tensor == 'weight' and f'{norm}.running_mean' in state


# Convolutions before norms that have a bias in the official networks.
OFFICIAL_BIASES = re.compile(
    r'(neck\.0\.(downsample_layers\.\d+|final_layer)|decode_head\.(0\.)?convs\.0'
    r'|decode_head\.1\.bottleneck)\.conv\.weight'
)


def list_official_biases(state: State) -> list[str]:
    """Return the names of the biases that only the official networks have."""
    return [
        name.removesuffix('weight') + 'bias'
        for name in state
        if OFFICIAL_BIASES.fullmatch(name)
    ]


def match_biases(state: State, wanted: Collection[str]) -> dict[str, Tensor]:
    """Add or fold biases of convolutions before norms, so that ``wanted`` has them all.

    A norm subtracts the running mean from its input, so a bias before it equals a
    running mean that is smaller by the bias.
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


def rename_final_layer(name: str) -> str:
    """Rename ``final_layer`` of mmpose's bottom-up head as in the official list."""
    return re.sub(r'\bfinal_layer\.', 'final_layers.0.', name)
