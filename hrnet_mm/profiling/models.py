"""The model of a config of any of the four libraries, or a trunk; without memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from torch import nn

from hrnet_mm.building import build_model
from hrnet_mm.models import ARCHS, HRNet

TRUNK_SIZE = (224, 224)
DETECTION_SIZE = (800, 1216)  # of the published figures; training pads to 800x1344
BOXES = 500  # in each box head, as in the published figures


@dataclass
class Subject:
    """A model that is measured.

    Attributes:
        model: On the meta device.
        size: Height and width of the image.
    """

    model: Any
    size: tuple[int, int]

    def run(self) -> None:
        """Forward once, on one image.

        Of detectors: what works on all of the image, and each box head on ``BOXES``
        boxes; no masks, no stuff.
        """
        model: Any = self.model
        trunk: Any = getattr(model, 'backbone', model)
        channels = getattr(trunk, 'in_channels', 3)
        image = torch.empty(1, channels, *self.size, device='meta')
        if trunk is model:
            model(image)
        elif hasattr(model, 'rpn_head'):
            model.rpn_head(model.extract_feat(image))
            head = model.roi_head.bbox_head
            stages: list[Any] = [*head] if isinstance(head, nn.ModuleList) else [head]
            for stage in stages:
                size = stage.roi_feat_size
                stage(torch.empty(BOXES, stage.in_channels, *size, device='meta'))
        elif hasattr(model, 'bbox_head'):
            model.bbox_head(model.extract_feat(image))
        else:
            model(image, None, mode='tensor')


def subject(
    source: str, size: tuple[int, int] | None = None, options: dict | None = None
) -> Subject:
    """The model that a name stands for, ready to run on one image.

    Args:
        source: A config file of mmpose, mmseg, mmdet or mmpretrain, or an arch.
        size: Height and width of the image; those of the config if not given.
        options: Changes of the config, as ``--cfg-options`` takes them.

    Raises:
        ValueError: if ``source`` is neither, or its size is not to be found.
    """
    if source in ARCHS:
        with torch.device('meta'):
            return Subject(HRNet(source).eval(), size or TRUNK_SIZE)
    if not Path(source).is_file():
        raise ValueError(
            f'{source} is no config file (in {Path.cwd()}), nor one of the archs '
            f'{list(ARCHS)}'
        )
    cfg = Config.fromfile(source)
    cfg.merge_from_dict(options or {})
    size = size or image_size(cfg)
    return Subject(build_model(cfg, 'meta'), size)


def image_size(cfg: Config) -> tuple[int, int]:
    """Height and width of the images that a config works on."""
    scope = cfg.get('default_scope')
    if scope == 'mmdet':
        return DETECTION_SIZE
    if scope == 'mmseg':
        preprocessor = cfg.model.get('data_preprocessor') or cfg.data_preprocessor
        size = preprocessor.get('size') or cfg.get('crop_size')
        if size:
            return size[0], size[1]
    sizes = [*find(cfg.get('val_dataloader'), 'input_size')]
    if sizes:  # of mmpose: width and height
        return sizes[-1][1], sizes[-1][0]
    sizes = [*find(cfg.get('val_dataloader'), 'crop_size'), *find(cfg, 'scale')]
    if sizes:
        size = sizes[0]
        return (size, size) if isinstance(size, int) else (size[1], size[0])
    raise ValueError('the config does not say how large its images are: give --size')


def find(cfg: Any, key: str) -> Iterable[Any]:
    """The values of a key, wherever it stands."""
    if isinstance(cfg, dict | Config | ConfigDict):
        if cfg.get(key) is not None:
            yield cfg[key]
        for value in cfg.values():
            yield from find(value, key)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from find(value, key)
