"""Tasks from the configs of their libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrnet_mm.libraries import LIBRARIES
from hrnet_mm.messages import shortened


def read_task(config: str | Path) -> dict[str, Any]:
    """Read the model of a config as a task of ``Universal``.

    Call it in a config after ``_base_``::

        from hrnet_mm.universal import read_task
        model = dict(tasks=dict(parts=read_task('{{ fileDirname }}/../seg/NAME.py')))

    Args:
        config: A config of mmpose, mmseg, mmdet or mmpretrain with an HRNet.

    Returns:
        The model with its library as ``_scope_``, and with ``SharedTrunk`` as its
        backbone.

    Raises:
        ValueError: If the config is of none of the libraries, or has no model with a
            backbone.
    """
    cfg = Config.fromfile(config)
    scope = cfg.get('default_scope')
    if scope not in LIBRARIES:
        raise ValueError(
            f'{config} has default_scope={scope!r}: a task needs a config of '
            f'{shortened([*LIBRARIES])}'
        )
    model = cfg.get('model', {}).to_dict()
    if 'backbone' not in model:
        raise ValueError(f'{config} has no model with a backbone')
    backbone = model.pop('backbone')
    trunk: dict[str, Any] = dict(type='hrnet_mm.SharedTrunk')
    if not backbone.get('multiscale_output', True):
        trunk['multiscale_output'] = False
    if 'data_preprocessor' in cfg:
        model.setdefault('data_preprocessor', cfg.data_preprocessor.to_dict())
    return dict(model, _scope_=scope, backbone=trunk)
