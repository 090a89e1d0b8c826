"""Inferencers of the four libraries, built by the name of a config or from files."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import Tensor
from torch.utils._pytree import tree_flatten

from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import hub, read, zoo
from hrnet_mm.datasets.metainfo import metainfo_of, names_of, stored_metainfo, unwrapped
from hrnet_mm.images import ReadArrays, check_channels, drawable, loader_of
from hrnet_mm.libraries import LIBRARIES, folder_of


def inferencer(name: str, weights: str | None = None, **kwargs: Any) -> Any:
    """Build the inferencer of the library that a model belongs to.

    Args:
        name: The name of a config with published weights, such as
            ``'hrnet_w48_coco'``; ``mim search hrnet_mm`` lists them. With ``weights``,
            the name of any config of hrnet_mm, or the path of a config.
        weights: A checkpoint file to use instead of the published one, of any family.
        kwargs: Arguments of the inferencer: ``device``, mmpose's ``det_model`` ...

    Returns:
        ``MMPoseInferencer``, ``MMSegInferencer``, ``DetInferencer``,
        ``ImageClassificationInferencer``, or for several tasks
        ``hrnet_mm.universal.inferencer.Inferencer``. It reads arrays as it would read
        them from files: ``color_type`` of the config converts gray images, images with
        a fourth channel and 16-bit images.

    Raises:
        ValueError: if the name is unknown, or a path is given without weights.
        CheckpointError: if the weights cannot be downloaded, or do not fit the whole
            model, which the stock inferencers only log.
    """
    return build_inferencer(*find_model(name, weights), **kwargs)


def find_model(name: str, weights: str | None = None) -> tuple[Config, str]:
    """Return the config and the weights file of a model.

    Args:
        name: See ``inferencer``.
        weights: See ``inferencer``.

    Raises:
        ValueError: See ``inferencer``.
        CheckpointError: See ``inferencer``.
    """
    if Path(name).suffix in ('.py', '.json', '.yaml', '.yml'):
        if weights is None:
            raise ValueError(f'give the weights of {name}: inferencer(config, weights)')
        return _read_config(name), weights
    configs = {entry['Name']: zoo.MIM / entry['Config'] for entry in zoo.entries()}
    known = zoo.weights().get(name)
    if known is not None and known.config is not None:
        return Config.fromfile(known.config), weights or str(hub.fetch(name))
    if weights and name in configs:
        return Config.fromfile(configs[name]), weights
    raise ValueError(
        f'{zoo.describe_unknown_name(name, zoo.models())}. '
        'With your own weights: inferencer(CONFIG, FILE)'
    )


def _read_config(path: str) -> Config:
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code, and raises anything
        reason = f'{type(error).__name__}: {error}'
        raise ValueError(f'cannot read the config {path}: {reason}') from error
    for key in ('model', 'test_dataloader'):
        if not cfg.get(key):
            raise ValueError(f'the config {path} has no {key}')
    return cfg


def build_inferencer(cfg: Config, weights: str, **kwargs: Any) -> Any:
    """Build the inferencer of a config; see ``inferencer``."""
    scope = cfg.get('default_scope')
    folder, library = folder_of(scope), LIBRARIES.get(scope)
    meta = read(weights).meta
    # the inferencers look for the test pipeline in the dataset, not in a wrapper
    cfg.test_dataloader.dataset = unwrapped(cfg.test_dataloader.dataset)
    build = import_module(f'hrnet_mm.{folder}.inferencer').Inferencer
    if scope == 'mmpretrain' and not stored_metainfo(meta):
        init_default_scope('mmpretrain')
        names = names_of(metainfo_of(cfg.test_dataloader.dataset))
        kwargs.setdefault('classes', names or None)
    model = load_trained(cfg, Path(weights), whole=True)
    with TemporaryDirectory() as temporary:
        # the inferencers load the names of their own library only, and only log misfits
        file = str(Path(temporary) / 'weights.pth')
        torch.save(dict(meta=meta, state_dict=model.state_dict()), file)
        if library is None:  # several tasks
            return build(cfg, file, **kwargs)
        files = {library.config_argument: cfg, library.weights_argument: file}
        return build(**files, **kwargs)


class NamedByConfig:
    """Mixin for inferencers: if the weights name no classes, the config names them.

    The stock inferencers use the classes of Cityscapes or COCO instead.
    """

    def _load_weights_to_model(self, model: Any, checkpoint: Any, cfg: Config) -> None:
        if not stored_metainfo(checkpoint.get('meta', {})):
            named = metainfo_of(cfg.test_dataloader.dataset)
            meta = dict(checkpoint.get('meta', {}), dataset_meta=named)
            checkpoint = dict(checkpoint, meta=meta)
        super()._load_weights_to_model(model, checkpoint, cfg)  # type: ignore[misc]


class AnyImage:
    """Mixin for inferencers that accept arrays of any number of channels and dtype.

    Raises:
        ValueError: if an image has the wrong number of channels for the model.
    """

    model: Any

    def _init_pipeline(self, cfg: Config) -> Any:
        reads = ReadArrays(loader_of(cfg.test_dataloader.dataset.pipeline))
        return Compose([reads, super()._init_pipeline(cfg)])  # type: ignore[misc]

    def forward(self, inputs: Any, **kwargs: Any) -> Any:
        """Check the number of channels, then predict."""
        self.check_inputs(inputs)
        return super().forward(inputs, **kwargs)  # type: ignore[misc]

    def check_inputs(self, inputs: Any) -> None:
        """Raise a ``ValueError`` if a batch has another number of channels."""
        check_channels(self.model)
        taken = self.model.backbone.in_channels
        images, _ = tree_flatten(inputs['inputs'])
        for image in images:
            if isinstance(image, Tensor) and image.shape[-3] != taken:
                raise ValueError(
                    f'the image has {image.shape[-3]} channels, and the model takes '
                    f'{taken} (model.backbone.in_channels): give images of {taken} '
                    'channels, or set color_type of the step that loads images in '
                    'test_dataloader.dataset.pipeline'
                )

    def visualize(self, inputs: Any, preds: Any, **kwargs: Any) -> Any:
        """Draw predictions, on arrays of any number of channels and dtype, too."""
        pictures = [self.picture(x) if isinstance(x, np.ndarray) else x for x in inputs]
        return super().visualize(pictures, preds, **kwargs)  # type: ignore[misc]

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return an RGB image to draw on; the stock inferencers take arrays for RGB."""
        return np.ascontiguousarray(drawable(image)[..., ::-1])
