"""Initialization from a checkpoint, which must fit: ``type='hrnet_mm.Pretrained'``.

mmengine's own ``Pretrained`` only logs tensors that do not fit; a trunk of another
width then trains from random weights.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from mmengine.logging import print_log
from mmengine.model.weight_init import update_init_info
from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet
from hrnet_mm.registry import WEIGHT_INITIALIZERS

from .checkpoint import (
    check_finite,
    find_state_dict,
    parse_checkpoint,
    read,
    unwrap_state_dict,
)
from .fitting import fit_part, load_part
from .hub import DownloadError, load_checkpoint
from .safe_load import CheckpointError


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """Initializer that loads the part of a checkpoint that belongs to a module.

    The module may be a trunk, a neck, a head or a whole model, and the file of any
    family in docs/checkpoints.md. The trunk of one task, or of an ImageNet file, can be
    loaded for any other task. A trunk with all streams can load one with stream 0
    alone, and the reverse; the log says so.

    Args:
        checkpoint: A path, a URL, or a name such as ``hrnet://w48/imagenet`` or
            ``open-mmlab://msra/hrnetv2_w18``.
        prefix: The prefix of the names of the module in the file, ``'encoder.'``, for
            files of unknown families; ``''`` without one. The rest of each name must be
            ours.
        inflate_stem: Load the stem of a trunk with another number of input channels:
            its filters are repeated in turn and scaled to keep the size of the outputs.
    """

    def __init__(
        self, checkpoint: str, prefix: str | None = None, inflate_stem: bool = False
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix and f'{prefix.removesuffix(".")}.'
        self.inflate_stem = inflate_stem

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module`` and log what was loaded.

        Raises:
            FileNotFoundError: if there is no such file.
            CheckpointError: if the file is damaged, asks to run code, or does not
                cover the module with tensors of its shapes.
        """
        _check_is_last(module)
        _initialize_children(module)
        upsample_cfg = None
        if self.prefix is None:
            with _advise_how_to_start(module):
                checkpoint = read(self.checkpoint)
            file, unused = checkpoint.tensors, Counter(_first_parts(checkpoint.unused))
            prefix = _find_prefix(file, module.state_dict())
            upsample_cfg = checkpoint.upsampling
        else:
            with _advise_how_to_start(module):
                file = _read_with_prefix(self.checkpoint, self.prefix)
            prefix, unused = self.prefix, Counter()
        try:
            if self.inflate_stem and isinstance(module, HRNet):
                file = _inflate_stem(file, f'{prefix}conv1.weight', module.in_channels)
            report = load_part(module, file, prefix, unused)
        except CheckpointError as error:
            raise CheckpointError(f'{self.checkpoint}: {error}') from None
        print_log(f'{self.checkpoint}: {report}', logger='current')
        if isinstance(module, HRNet):
            _warn_of_other_upsampling(self.checkpoint, upsample_cfg, module)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'Pretrained: load from {self.checkpoint}')


@contextmanager
def _advise_how_to_start(module: nn.Module) -> Iterator[None]:
    try:
        yield
    except DownloadError as error:
        if not isinstance(module, HRNet):
            raise
        options = ['model.backbone.init_cfg=None']
        # norms that are frozen at their initial values would make the loss NaN
        options += ['model.backbone.norm_eval=False'] * module.norm_eval
        options += ['model.backbone.frozen_stages=-1'] * (module.frozen_stages >= 0)
        raise DownloadError(
            f'{error}\nOr name a file: --cfg-options '
            'model.backbone.init_cfg.checkpoint=FILE. To train from scratch: '
            f'--cfg-options {" ".join(options)}'
        ) from None


def _check_is_last(module: nn.Module) -> None:
    # later entries of init_cfg would overwrite the loaded weights
    cfgs = getattr(module, 'init_cfg', None)
    for cfg in cfgs[:-1] if isinstance(cfgs, list) else []:
        if str(cfg.get('type')).endswith('Pretrained'):
            raise ValueError(
                f'init_cfg of {type(module).__name__} has entries after {cfg["type"]}, '
                'which would overwrite the loaded weights: put it last'
            )


def _initialize_children(module: nn.Module) -> None:
    # before loading, as mmengine does for its own `Pretrained`, recognized by that name
    for child in module.children():
        initialize = getattr(child, 'init_weights', None)
        if initialize and not getattr(child, 'is_init', False):
            initialize()
            child.is_init = True  # type: ignore[assignment]


def translate_for(
    model: nn.Module, content: MutableMapping[str, Any], source: str
) -> None:
    """Rename the tensors of a checkpoint for a model, before mmengine loads them.

    Without this, mmengine would log that nothing of another code base's file fits, and
    continue with random weights. If the file is of the library of the model, mmengine
    loads the tensors that fit, so that training may start from a model with other
    heads. Nothing is loaded here.

    Args:
        model: The whole model, without wrappers.
        content: The content of the file; its state dict is replaced in place.
        source: What messages call the file.

    Raises:
        CheckpointError: if no tensor fits the model, or the file is of another code
            base and does not fit the whole model.
    """
    state, _ = unwrap_state_dict(find_state_dict(content))
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    try:
        checkpoint = parse_checkpoint(source, content)
    except CheckpointError as error:
        if model.state_dict().keys().isdisjoint(state):
            raise CheckpointError(f'{source}: {error}') from None
        _replace_state_dict(content, state)
        return  # an unknown family, but of this model: it has custom layers
    if checkpoint.tensors.keys() <= state.keys():
        state = checkpoint.tensors
    else:
        unused = Counter(_first_parts(checkpoint.unused))
        try:
            state, report = fit_part(model, checkpoint.tensors, '', unused)
        except CheckpointError as error:
            raise CheckpointError(f'{source}: {error}') from None
        print_log(f'{source} ({checkpoint.family.name}): {report}', logger='current')
    _replace_state_dict(content, state)
    for module in model.modules():
        if isinstance(module, HRNet):
            _warn_of_other_upsampling(source, checkpoint.upsampling, module)


def _replace_state_dict(
    content: MutableMapping[str, Any], state: Mapping[str, Tensor]
) -> None:
    # mmengine and its EMAHook read `state_dict`; the optimizer and other keys stay
    kept = OrderedDict(state)
    if versions := getattr(content.get('state_dict'), '_metadata', None):
        # without them, some heads take the tensors for those of an older layout
        kept._metadata = versions  # type: ignore[attr-defined]
    if not isinstance(content.get('state_dict'), Mapping):
        meta = content.get('meta')
        content.clear()
        content['meta'] = meta if isinstance(meta, Mapping) else {}
    content['state_dict'] = kept


def _read_with_prefix(checkpoint: str, prefix: str) -> dict[str, Tensor]:
    content = load_checkpoint(checkpoint)
    try:
        state = {
            key.replace('_orig_mod.', '').removeprefix('module.'): value
            for key, value in find_state_dict(content).items()
        }
        check_finite(state)
        if not any(key.startswith(prefix) for key in state):
            names = [f"'{name}.'" for name in dict.fromkeys(_first_parts(state))]
            raise CheckpointError(
                f'no name begins with the prefix {prefix!r}, but with '
                f'{shortened(names)}'
            )
    except CheckpointError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from None
    return state


def _first_parts(keys: Iterable[str]) -> Iterable[str]:
    return (key.split('.')[0] for key in keys)


def _inflate_stem(
    file: dict[str, Tensor], name: str, channels: int
) -> dict[str, Tensor]:
    if name not in file:
        return file
    weight = file[name]
    in_file = weight.shape[1]
    turns = [i % in_file for i in range(channels)]
    return {**file, name: weight[:, turns] * (in_file / channels)}


def _warn_of_other_upsampling(
    checkpoint: str, trained: Mapping[str, Any] | None, module: HRNet
) -> None:
    # the mode has no parameters, so that no other check would notice
    if trained is None:
        return
    ours = {'align_corners': False, **module.upsample_cfg}
    if {'align_corners': False, **trained} != ours:
        print_log(
            f'{checkpoint} was trained with upsample_cfg={dict(trained)}, but this '
            f'trunk has {module.upsample_cfg}: fine to train from, but test results '
            'would be wrong',
            logger='current',
            level=logging.WARNING,
        )


def _find_prefix(file: Iterable[str], names: Mapping[str, Any]) -> str:
    # the prefix with which most keys of the file are names of the module
    found: Counter[str] = Counter()
    for key in file:
        parts = key.split('.')
        for i in range(len(parts)):
            if '.'.join(parts[i:]) in names:
                found[''.join(f'{part}.' for part in parts[:i])] += 1
    return found.most_common(1)[0][0] if found else ''
