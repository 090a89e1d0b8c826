"""Checks of the arguments and inputs of the trunk."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .layers import Config


def check_arguments(frozen_stages: Any, with_cp: Any) -> None:
    """Raise unless ``frozen_stages`` and ``with_cp`` have valid values.

    Raises:
        ValueError: naming the valid values.
    """
    if frozen_stages not in range(-1, 5):
        raise ValueError(f'frozen_stages={frozen_stages!r} is not one of -1, 0 .. 4')
    if with_cp not in (False, True, 'norms'):
        raise ValueError(f"with_cp={with_cp!r} is not one of False, True, 'norms'")


def use_strict_pretrained(
    init_cfg: Config | list[Config] | None,
) -> Config | list[Config] | None:
    """Replace mmengine's ``Pretrained`` in ``init_cfg`` by ``hrnet_mm.Pretrained``.

    The former only logs tensors that do not fit, and the trunk then trains from random
    weights; the latter raises.

    Raises:
        ValueError: if an entry has no type. ``--cfg-options`` builds such an entry when
            it sets a checkpoint where the config has no ``init_cfg``.
    """
    if init_cfg is None:
        return None
    if isinstance(init_cfg, list | tuple):
        return [_use_strict_pretrained(cfg) for cfg in init_cfg]
    return _use_strict_pretrained(init_cfg)


def _use_strict_pretrained(cfg: Config) -> Config:
    if 'type' not in cfg:
        raise ValueError(
            f'init_cfg={dict(cfg)} has no type; to load weights, '
            'set init_cfg.type=hrnet_mm.Pretrained, too'
        )
    kind = cfg['type'] if isinstance(cfg['type'], str) else cfg['type'].__name__
    if kind.rpartition('.')[2] not in ('Pretrained', 'PretrainedInit'):
        return cfg
    # the values are copied into the parameters, on whatever device those are
    kept = {key: value for key, value in cfg.items() if key != 'map_location'}
    return kept | dict(type='hrnet_mm.Pretrained')


def check_input(module: nn.Module, args: tuple[Tensor, ...]) -> None:
    """Raise unless the input is ``(N, in_channels, H, W)``; a forward pre-hook.

    A hook rather than a check in ``forward``, which would stop ``torch.fx``.

    Raises:
        ValueError: if the shape or the dtype is wrong.
    """
    if not args:  # passed by keyword: the convolution will check it
        return
    x = args[0]
    shape = tuple(x.shape)
    if len(shape) != 4 or shape[1] != module.in_channels:
        raise ValueError(
            f'HRNet got an input of shape {shape}; '
            f'it takes (N, {module.in_channels}, H, W)'
        )
    if isinstance(x, Tensor) and not x.is_floating_point():
        raise ValueError(
            f'HRNet got an input of dtype {x.dtype}; it takes floating point values, '
            'for published weights an image normalized to mean 0 and deviation 1'
        )


def check_batch_statistics(module: nn.Module, args: tuple[Tensor, ...]) -> None:
    """Raise if batch norms would train on one value per channel; a forward pre-hook.

    One image of up to 32x32 pixels has a single pixel at 1/32.

    Raises:
        ValueError: saying how to give the norms more values.
    """
    if not module.training or not args or len(args[0]) > 1:
        return
    height, width = args[0].shape[-2:]
    if max(height, width) > 32 or get_world_size() > 1:  # norms may be synchronized
        return
    if any(m.training for m in module.modules() if isinstance(m, _BatchNorm)):
        raise ValueError(
            f'HRNet trains on a batch of one image of {height}x{width}: at 1/32 that '
            'is one pixel, and batch norms need more. Set train_dataloader.batch_size '
            'to 2 or more, and drop_last=True where the last batch has one image; or '
            'train on larger images'
        )
