"""``init_cfg=dict(type='hrnet_mm.Pretrained', ...)``: all that fits, or an error.

mmengine's own ``Pretrained`` logs what did not fit and goes on: a trunk of another
width then trains from noise.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from mmengine.logging import print_log
from mmengine.model.weight_init import update_init_info
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.models import HRNet
from hrnet_mm.registry import WEIGHT_INITIALIZERS

from .checkpoint import check_numbers, find_state_dict, read, separated, understand
from .fitting import fit_part, load_part
from .safe_load import CheckpointError


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """Loads the part of a checkpoint that belongs to a module.

    The module may be a trunk, a neck, a head or a whole model; the file of any family
    in docs/checkpoints.md. ImageNet files initialise the trunks of pose, segmentation
    and detection, and any model of one task the trunk of another. A trunk with all
    streams takes one that has stream 0 alone, and the reverse; the log says so.

    Args:
        checkpoint: A path, an URL, or a name: ``hrnet://w48/imagenet``,
            ``open-mmlab://msra/hrnetv2_w18``.
        prefix: What the names of the module begin with in the file, ``'encoder.'``,
            for a file that is in no table of names. Its names are then taken as ours.
        inflate_stem: Whether a trunk of other than 3 channels may take the stem of one
            for colour images: its filters in turn, times 3 / channels.
    """

    def __init__(
        self, checkpoint: str, prefix: str | None = None, inflate_stem: bool = False
    ) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix and f'{prefix.removesuffix(".")}.'
        self.inflate_stem = inflate_stem

    def __call__(self, module: nn.Module) -> None:
        """Load, and log what matched.

        Raises:
            FileNotFoundError: if there is no such file.
            CheckpointError: if the file is damaged, asks to run code, or does not
                cover the module with tensors of its shapes.
        """
        check_stands_last(module)
        initialise_children(module)
        upsample_cfg = None
        if self.prefix is None:
            checkpoint = read(self.checkpoint)
            file, unused = checkpoint.tensors, Counter(first_names(checkpoint.unused))
            prefix = find_prefix(file, module.state_dict())
            upsample_cfg = checkpoint.upsampling
        else:
            file, unused = read_plain(self.checkpoint, self.prefix), Counter()
            prefix = self.prefix
        try:
            if self.inflate_stem and isinstance(module, HRNet):
                file = inflated(file, f'{prefix}conv1.weight', module.in_channels)
            report = load_part(module, file, prefix, unused)
        except CheckpointError as error:
            raise CheckpointError(f'{self.checkpoint}: {error}') from None
        print_log(f'{self.checkpoint}: {report}', logger='current')
        if isinstance(module, HRNet):
            warn_of_other_upsampling(self.checkpoint, upsample_cfg, module)
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


def translate_for(
    model: nn.Module, content: MutableMapping[str, Any], source: str
) -> None:
    """Give what mmengine is about to load the names of a model, in place.

    Of another code base's file mmengine would log that nothing fits, and go on with
    random numbers. Of a library's own file it loads what fits; that is left to it, so
    that a model may begin from one with other heads. Nothing is loaded here.

    Args:
        model: A whole model, without wrappers.
        content: A checkpoint as it was read.
        source: What messages call it.

    Raises:
        CheckpointError: if no tensor has a place in the model, or the file is of
            another code base and does not cover all of the model.
    """
    state, _ = separated(find_state_dict(content))
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    try:
        checkpoint = understand(source, content)
    except CheckpointError as error:
        if model.state_dict().keys().isdisjoint(state):
            raise CheckpointError(f'{source}: {error}') from None
        replace_state_dict(content, state)
        return  # in no table, but of this model: somebody's own layers
    if checkpoint.tensors.keys() <= state.keys():
        state = checkpoint.tensors
    else:
        unused = Counter(first_names(checkpoint.unused))
        try:
            state, report = fit_part(model, checkpoint.tensors, '', unused)
        except CheckpointError as error:
            raise CheckpointError(f'{source}: {error}') from None
        print_log(f'{source} ({checkpoint.family.name}): {report}', logger='current')
    replace_state_dict(content, state)
    for module in model.modules():
        if isinstance(module, HRNet):
            warn_of_other_upsampling(source, checkpoint.upsampling, module)


def replace_state_dict(
    content: MutableMapping[str, Any], state: Mapping[str, Tensor]
) -> None:
    """Store a state dict where mmengine and its EMAHook look for it.

    What a job stored beside, its optimizer for one, stays.
    """
    if not isinstance(content.get('state_dict'), Mapping):
        meta = content.get('meta')
        content.clear()
        content['meta'] = meta if isinstance(meta, Mapping) else {}
    content['state_dict'] = state


def read_plain(checkpoint: str, prefix: str) -> dict[str, Tensor]:
    """The tensors of a file as they are named there, without the prefix of DDP."""
    content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    try:
        state = {
            key.replace('_orig_mod.', '').removeprefix('module.'): value
            for key, value in find_state_dict(content).items()
        }
        check_numbers(state)
        if not any(key.startswith(prefix) for key in state):
            names = [f"'{name}.'" for name in dict.fromkeys(first_names(state))]
            raise CheckpointError(
                f'no name begins with the prefix {prefix!r}, but with '
                f'{shortened(names)}'
            )
    except CheckpointError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from None
    return state


def first_names(keys: Iterable[str]) -> Iterable[str]:
    """What comes before the first dot."""
    return (key.split('.')[0] for key in keys)


def inflated(file: dict[str, Tensor], name: str, channels: int) -> dict[str, Tensor]:
    """A stem for images of ``channels``; outputs stay as large as they were."""
    if name not in file:
        return file
    weight = file[name]
    there = weight.shape[1]
    turns = [i % there for i in range(channels)]
    return {**file, name: weight[:, turns] * (there / channels)}


def warn_of_other_upsampling(
    checkpoint: str, trained: Mapping[str, Any] | None, module: HRNet
) -> None:
    """It has no parameters, so nothing else would notice."""
    if trained is None:
        return
    ours = {'align_corners': False, **module.upsample_cfg}
    if {'align_corners': False, **trained} != ours:
        print_log(
            f'{checkpoint} was trained with upsample_cfg={dict(trained)}, this trunk '
            f'has {module.upsample_cfg}: right to train from, wrong to test with',
            logger='current',
            level=logging.WARNING,
        )


def find_prefix(file: Iterable[str], names: Mapping[str, Any]) -> str:
    """The beginning of the keys in a file that end as most of ``names``."""
    found: Counter[str] = Counter()
    for key in file:
        parts = key.split('.')
        for i in range(len(parts)):
            if '.'.join(parts[i:]) in names:
                found[''.join(f'{part}.' for part in parts[:i])] += 1
    return found.most_common(1)[0][0] if found else ''
