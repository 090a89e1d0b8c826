"""The stock inferencer of a model of ours, by its name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmengine.config import Config

from hrnet_mm.checkpoints import CheckpointError, downloads, read, zoo

# Library: its class, and what that calls the config and the weights.
STOCK = {
    'mmpose': ('MMPoseInferencer', 'pose2d', 'pose2d_weights'),
    'mmseg': ('MMSegInferencer', 'model', 'weights'),
    'mmdet': ('DetInferencer', 'model', 'weights'),
    'mmpretrain': ('ImageClassificationInferencer', 'model', 'pretrained'),
}

OWN_PAST = {'mmpose': ('mmpose-0.x',)}  # what a library reads of its earlier versions


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
        ``ImageClassificationInferencer``.

    Raises:
        ValueError: if there is no such name, or a path comes without weights.
        CheckpointError: if the weights cannot be downloaded, or are named as another
            code base does, which the inferencers do not notice.
    """
    if name.endswith('.py'):
        if weights is None:
            raise ValueError(f'give the weights of {name}: inferencer(config, weights)')
        config = name
    else:
        if name not in zoo.models():
            raise ValueError(
                f'{zoo.no_such_name(name, zoo.models())}. With weights of your own: '
                'inferencer(CONFIG, FILE)'
            )
        config = str(zoo.models()[name].config)
        weights = weights or str(downloads.fetch(name))
    library = Config.fromfile(config).default_scope
    check_weights(weights, library)
    kind, model_key, weights_key = STOCK[library]
    build = getattr(import_module(f'{library}.apis'), kind)
    return build(**{model_key: config, weights_key: str(weights)}, **kwargs)


def check_weights(weights: str, library: str) -> None:
    """Refuse a file whose names the library does not know: nothing of it would load."""
    checkpoint = read(weights)
    family = checkpoint.family
    past = OWN_PAST.get(library, ())
    if family.library not in past and (family.library != library or checkpoint.renamed):
        raise CheckpointError(
            f'{weights} is of the family {family.name!r}, and {library} would go on '
            'with random numbers. Write it for this library first: '
            f'hrnet-mm convert {weights} NEW_FILE --to {library}'
        )
