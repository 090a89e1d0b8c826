"""Models on the meta device, from a config of any library or from an arch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from torch import Tensor, nn

from hrnet_mm.building import build_model
from hrnet_mm.models import ARCHS, HRNet

TRUNK_SIZE = (224, 224)
DETECTION_SIZE = (800, 1216)  # as in the published figures; training pads to 800x1344
BOXES = 500  # per box head, as in the published figures
PEOPLE = 30  # per image, the most that CID predicts


@dataclass
class Subject:
    """A model to measure, with the size of its input.

    Attributes:
        model: A model on the meta device.
        size: Height and width of the image in pixels.
    """

    model: Any
    size: tuple[int, int]

    def run(self) -> None:
        """Run a forward pass of one image.

        For detectors this includes all layers on the whole image and each box head with
        ``BOXES`` boxes, but no mask heads, and semantic heads of panoptic models only;
        for CID, the heatmaps of ``PEOPLE`` people. For several tasks, the trunk runs
        once.
        """
        model: Any = self.model
        trunk: Any = getattr(model, 'backbone', model)
        channels = getattr(trunk, 'in_channels', 3)
        image = torch.empty(1, channels, *self.size, device='meta')
        if trunk is model:
            model(image)
        elif hasattr(model, 'streams'):  # of several tasks
            with model.streams.shared(image):
                for task in model.tasks.values():
                    _run(task, image)
        else:
            _run(model, image)


def _run(model: Any, image: Tensor) -> None:
    if hasattr(model, 'rpn_head'):
        feats = model.extract_feat(image)
        model.rpn_head(feats)
        if hasattr(model, 'num_stuff_classes'):  # of panoptic models
            model.semantic_head(feats)
        head = model.roi_head.bbox_head
        stages: list[Any] = [*head] if isinstance(head, nn.ModuleList) else [head]
        for stage in stages:
            size = stage.roi_feat_size
            stage(torch.empty(BOXES, stage.in_channels, *size, device='meta'))
    elif hasattr(model, 'bbox_head'):
        model.bbox_head(model.extract_feat(image))
    elif hasattr(model, 'head') and hasattr(model.head, 'gfd_module'):
        feats = model.extract_feat(image)[-1]
        model.head.iia_module(feats)
        vectors = torch.empty(PEOPLE, feats.shape[1], device='meta')
        image_of = torch.zeros(PEOPLE, dtype=torch.long, device='meta')
        model.head.gfd_module(feats, vectors, vectors[:, :2], image_of)
    else:
        model(image, None, mode='tensor')


def build_subject(
    source: str, size: tuple[int, int] | None = None, options: dict | None = None
) -> Subject:
    """Build the model of a config, or the trunk of an arch, on the meta device.

    Args:
        source: A config file of mmpose, mmseg, mmdet, mmpretrain or of several tasks,
            or an arch.
        size: Height and width of the image; by default those of the config.
        options: Changes of the config, as for ``--cfg-options``.

    Raises:
        ValueError: If ``source`` is neither, or if the config has no image size.
    """
    if source in ARCHS:
        with torch.device('meta'):
            return Subject(HRNet(source).eval(), size or TRUNK_SIZE)
    if not Path(source).is_file():
        raise ValueError(
            f'{source} is neither a config file (in {Path.cwd()}) nor one of the archs '
            f'{list(ARCHS)}'
        )
    cfg = Config.fromfile(source)
    cfg.merge_from_dict(options or {})
    size = size or image_size(cfg)
    return Subject(build_model(cfg, 'meta'), size)


def image_size(cfg: Config) -> tuple[int, int]:
    """Return height and width of the input images of a config.

    Raises:
        ValueError: If the config does not define them.
    """
    scope = cfg.get('default_scope')
    if scope == 'mmdet':
        # crops of panoptic models have one size
        return tuple(cfg.get('crop_size', DETECTION_SIZE))
    if scope == 'hrnet_mm':  # several tasks: what JointAffine cuts out
        sizes = [*find_values(cfg.get('train_dataloader'), 'size')]
        if sizes:
            return sizes[0][1], sizes[0][0]
    if scope == 'mmseg':
        preprocessor = cfg.model.get('data_preprocessor') or cfg.data_preprocessor
        size = preprocessor.get('size') or cfg.get('crop_size')
        if size:
            return size[0], size[1]
    sizes = [*find_values(cfg.get('val_dataloader'), 'input_size')]
    if sizes:  # mmpose: (width, height)
        return sizes[-1][1], sizes[-1][0]
    sizes = [
        *find_values(cfg.get('val_dataloader'), 'crop_size'),
        *find_values(cfg, 'scale'),
    ]
    if sizes:
        size = sizes[0]
        return (size, size) if isinstance(size, int) else (size[1], size[0])
    raise ValueError('the config does not define the size of its images: use --size')


def find_values(cfg: Any, key: str) -> Iterable[Any]:
    """Yield all values of a key in a nested config."""
    if isinstance(cfg, dict | Config | ConfigDict):
        if cfg.get(key) is not None:
            yield cfg[key]
        for value in cfg.values():
            yield from find_values(value, key)
    elif isinstance(cfg, list | tuple):
        for value in cfg:
            yield from find_values(value, key)
