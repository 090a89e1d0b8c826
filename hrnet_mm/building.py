"""Functions that build a model from a config of any of the four libraries."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from torch import Tensor

from hrnet_mm.checkpoints import CheckpointError, translate_for
from hrnet_mm.checkpoints.hub import load_checkpoint
from hrnet_mm.images import check_channels
from hrnet_mm.messages import shortened


def build_model(cfg: Config, device: str = 'cpu') -> Any:
    """Build the model of a config in eval mode, without loading weights.

    Synchronized batch norms are converted to plain ones, which run on any device.

    Args:
        cfg: A config of mmpose, mmseg, mmdet or mmpretrain; it is not modified.
        device: The device of the parameters; ``'meta'`` needs no memory.

    Raises:
        ValueError: If the library of the config cannot be imported.
    """
    scope = cfg.get('default_scope')
    try:
        import_module(str(scope))
    except ImportError as error:
        raise ValueError(
            f'the config has default_scope={scope!r}, which cannot be imported: '
            f'{error}. `hrnet-mm doctor` prints the fix'
        ) from error
    init_default_scope(scope)
    settings = deepcopy(cfg.model)  # building may modify it
    if 'data_preprocessor' in cfg:
        settings.setdefault('data_preprocessor', deepcopy(cfg.data_preprocessor))
    with torch.device(device):
        return revert_sync_batchnorm(MODELS.build(settings)).eval()


def load_trained(cfg: Config, checkpoint: Path, whole: bool = False) -> Any:
    """Build the model of a config in eval mode and load a checkpoint of any family.

    Args:
        cfg: A config of mmpose, mmseg, mmdet or mmpretrain.
        checkpoint: The path of the checkpoint.
        whole: Whether to raise if the checkpoint lacks a tensor of the model. By
            default mmengine logs it, so that a model may have other heads.

    Raises:
        CheckpointError: If the checkpoint does not fit the model.
        ValueError: If the library of the config cannot be imported, or if the data
            preprocessor does not fit the ``in_channels`` of the trunk.
    """
    model = build_model(cfg)
    check_channels(model)
    content = load_checkpoint(checkpoint)
    translate_for(model, content, str(checkpoint))
    if whole:
        _check_whole(model, content['state_dict'], checkpoint)
    load_state_dict(model, content['state_dict'])
    return model


def _check_whole(model: Any, state: Mapping[str, Tensor], checkpoint: Path) -> None:
    misfits = [
        name
        for name, value in model.state_dict().items()
        if not name.endswith('num_batches_tracked')
        and (name not in state or state[name].shape != value.shape)
    ]
    if misfits:
        raise CheckpointError(
            f'{checkpoint} does not fit the model of the config: {shortened(misfits)} '
            'are missing or have another shape'
        )
