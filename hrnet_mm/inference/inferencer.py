"""The inferencer of a model of ours, by its name: the library's, for any image."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import Tensor
from torch.utils._pytree import tree_flatten

from hrnet_mm.checkpoints import Checkpoint, CheckpointError, hub, read, zoo
from hrnet_mm.datasets.metainfo import metainfo_of, names_of, stored_metainfo, unwrapped
from hrnet_mm.images import ReadArrays, check_channels, drawable, loader_of
from hrnet_mm.libraries import LIBRARIES, library_of


def inferencer(name: str, weights: str | None = None, **kwargs: Any) -> Any:
    """Build the inferencer of the library that a model belongs to.

    Args:
        name: A config of ours with published weights, such as
            ``'hrnet_w48_coco'``; ``mim search hrnet_mm`` lists them. Or the path of any
            config, with ``weights``.
        weights: A file instead of the published ones.
        kwargs: For the inferencer: ``device``, mmpose's ``det_model`` ...

    Returns:
        ``MMPoseInferencer``, ``MMSegInferencer``, ``DetInferencer`` or
        ``ImageClassificationInferencer``. An array is read as a file of it would be, so
        that grey, a fourth channel and 16 bits are what ``color_type`` of the config
        makes of them.

    Raises:
        ValueError: if there is no such name, or a path comes without weights.
        CheckpointError: if the weights cannot be downloaded, or are named as another
            code base does, which the inferencers do not notice.
    """
    if Path(name).suffix in ('.py', '.json', '.yaml', '.yml'):
        if weights is None:
            raise ValueError(f'give the weights of {name}: inferencer(config, weights)')
        config = name
    else:
        if name not in zoo.models():
            raise ValueError(
                f'{zoo.describe_unknown_name(name, zoo.models())}. '
                'With your own weights: inferencer(CONFIG, FILE)'
            )
        config = str(zoo.models()[name].config)
        weights = weights or str(hub.fetch(name))
    cfg = Config.fromfile(config)
    library = library_of(cfg.get('default_scope'))
    checkpoint = check_weights(weights, library.scope)
    # the test pipeline is looked for in the data set, so not in what wraps it
    cfg.test_dataloader.dataset = unwrapped(cfg.test_dataloader.dataset)
    build = import_module(f'hrnet_mm.{library.folder}.inferencer').Inferencer
    if library.scope == 'mmpretrain' and not stored_metainfo(checkpoint.meta):
        init_default_scope('mmpretrain')
        names = names_of(metainfo_of(cfg.test_dataloader.dataset))
        kwargs.setdefault('classes', names or None)
    model = {library.config_argument: cfg, library.weights_argument: str(weights)}
    return build(**model, **kwargs)


class NamedByConfig:
    """Mixin for inferencers: where the weights name no classes, the config does.

    The stock ones take those of Cityscapes or COCO then.
    """

    def _load_weights_to_model(self, model: Any, checkpoint: Any, cfg: Config) -> None:
        if not stored_metainfo(checkpoint.get('meta', {})):
            named = metainfo_of(cfg.test_dataloader.dataset)
            meta = dict(checkpoint.get('meta', {}), dataset_meta=named)
            checkpoint = dict(checkpoint, meta=meta)
        super()._load_weights_to_model(model, checkpoint, cfg)  # type: ignore[misc]


class AnyImage:
    """Mixin for inferencers: arrays are read as files are, and can be drawn on.

    Raises:
        ValueError: if an image has other channels than the model takes.
    """

    model: Any

    def _init_pipeline(self, cfg: Config) -> Any:
        reads = ReadArrays(loader_of(cfg.test_dataloader.dataset.pipeline))
        return Compose([reads, super()._init_pipeline(cfg)])  # type: ignore[misc]

    def forward(self, inputs: Any, **kwargs: Any) -> Any:
        """Predict, after a look at the number of channels."""
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
        return super().forward(inputs, **kwargs)  # type: ignore[misc]

    def visualize(self, inputs: Any, preds: Any, **kwargs: Any) -> Any:
        """Draw predictions, on arrays of any kind too."""
        pictures = [self.picture(x) if isinstance(x, np.ndarray) else x for x in inputs]
        return super().visualize(pictures, preds, **kwargs)  # type: ignore[misc]

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return what to draw on. The stock inferencers take an array for RGB there."""
        return np.ascontiguousarray(drawable(image)[..., ::-1])


def check_weights(weights: str, library: str) -> Checkpoint:
    """Refuse a file whose names the library does not know: nothing of it would load."""
    checkpoint = read(weights)
    family = checkpoint.family
    is_own = family.library == library and not checkpoint.renamed
    if not is_own and family.library not in LIBRARIES[library].loads:
        raise CheckpointError(
            f'{weights} is of the family {family.name!r}, and {library} would go on '
            'with random numbers. Write it for this library first: '
            f'hrnet-mm convert {weights} NEW_FILE --to {library}'
        )
    return checkpoint
