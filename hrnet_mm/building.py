"""The model of a config of any of the four libraries, with or without weights."""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader, load_state_dict

from hrnet_mm.checkpoints import translate_for
from hrnet_mm.images import check_channels


def build_model(cfg: Config, device: str = 'cpu') -> Any:
    """Build the model of a config as the runner does, in eval mode; load no weights.

    Synchronized batch norms become plain ones, which compute on any device.

    Args:
        cfg: Of mmpose, mmseg, mmdet or mmpretrain; stays as it is.
        device: Where to build it; on ``'meta'`` it takes no memory.

    Raises:
        ValueError: if the library of the config cannot be imported.
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
    settings = deepcopy(cfg.model)  # building may change it
    if 'data_preprocessor' in cfg:
        settings.setdefault('data_preprocessor', deepcopy(cfg.data_preprocessor))
    with torch.device(device):
        return revert_sync_batchnorm(MODELS.build(settings)).eval()


def load_trained(cfg: Config, checkpoint: Path) -> Any:
    """A trained model in eval mode; the weights are of any family.

    Raises:
        ValueError: if its library cannot be imported, or its preprocessor is of images
            with other channels.
    """
    model = build_model(cfg)
    check_channels(model)
    content = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    translate_for(model, content, str(checkpoint))
    load_state_dict(model, content['state_dict'])
    return model
