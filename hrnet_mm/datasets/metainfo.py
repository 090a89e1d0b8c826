"""The metainfo of data sets: names of classes or keypoints, and palettes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

from hrnet_mm.checkpoints.hub import load_checkpoint

LOADERS = ('test_dataloader', 'val_dataloader', 'train_dataloader')


def read_metainfo(
    cfg: Config, outputs: int, checkpoint: Path | None = None
) -> dict[str, Any]:
    """Find the metainfo that has a name for each output of a model.

    Args:
        cfg: A config of mmpose, mmseg, mmdet or mmpretrain. The metainfo of its data
            sets is used in the order test, validation, training; no data is read.
        outputs: The number of classes or keypoints of the model.
        checkpoint: A file whose metainfo is used if no data set has as many names.

    Returns:
        The ``metainfo`` of a data set: parsed keypoint metainfo for pose, otherwise a
        dict with ``classes``.

    Raises:
        ValueError: If no source has as many names.
    """
    init_default_scope(cfg.default_scope)
    found: dict[str, int] = {}
    for source, metainfo in _sources(cfg, checkpoint):
        names = names_of(metainfo)
        if len(names) == outputs:
            return metainfo
        found[source] = len(names)
    counts = ', '.join(f'{source} names {number}' for source, number in found.items())
    raise ValueError(
        f'the model has {outputs} outputs, but {counts or "there is no metainfo"}: set '
        'test_dataloader.dataset.metainfo to the metainfo of its training data'
    )


def names_of(metainfo: Mapping[str, Any]) -> list[str]:
    """Return the names of keypoints or classes, in the order of a model's outputs."""
    keypoints = metainfo.get('keypoint_id2name')
    if keypoints is not None:
        return [keypoints[i] for i in sorted(keypoints, key=int)]
    return [str(name) for name in metainfo.get('classes') or ()]


def complete_palette(given: Any, number: int) -> list[list[int]]:
    """Return a colour for each class; the generated ones are always the same.

    Args:
        given: Colours (red, green, blue, 0 to 255) of the first classes, or None.
        number: The number of classes.
    """
    # generator and seed of the libraries, which so draw the same colours
    others = np.random.RandomState(42).randint(0, 255, size=(number, 3)).tolist()
    known = [[int(x) for x in colour] for colour in given or ()][:number]
    return known + others[len(known) :]


def unwrapped(dataset: Any) -> Any:
    """Return the config of the (first) data set inside wrappers like ConcatDataset."""
    inner = dataset.get('dataset') or (dataset.get('datasets') or [None])[0]
    return unwrapped(inner) if inner else dataset


def _sources(
    cfg: Config, checkpoint: Path | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in LOADERS:
        if cfg.get(name):
            yield f'{name}.dataset', metainfo_of(cfg[name].dataset)
    if checkpoint is not None:
        content = load_checkpoint(checkpoint)
        yield str(checkpoint), stored_metainfo(content.get('meta', {}))


def stored_metainfo(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metainfo of the training data from the ``meta`` of a checkpoint."""
    stored = dict(meta.get('dataset_meta') or {})
    if 'CLASSES' in meta:  # versions before OpenMMLab 2.0
        stored |= dict(classes=meta['CLASSES'], palette=meta.get('PALETTE'))
    return stored


def metainfo_of(dataset: Any) -> dict[str, Any]:
    """Return the metainfo of a data set from its config, without reading any file.

    Args:
        dataset: The config of a data set or a wrapper. If its class is not derived from
            ``BaseDataset`` of mmengine, the result is ``{}``.
    """
    inner = unwrapped(dataset)
    if not issubclass(class_of(inner), BaseDataset):
        return {}
    # the metainfo of a wrapper has priority
    metainfo = dict(metainfo=dataset.metainfo) if dataset.get('metainfo') else {}
    return build_lazily(dict(inner, **metainfo)).metainfo


def class_of(dataset: Any) -> Any:
    """Return the class of a data set from its config."""
    kind = dataset['type']
    if not isinstance(kind, str):
        return kind
    # `get` alone would not look into the library of the default scope
    with DATASETS.switch_scope_and_registry(None) as registry:
        return registry.get(kind)


def build_lazily(dataset: Any) -> Any:
    """Build a data set of mmengine without reading any file of it."""
    return DATASETS.build(dict(dataset, lazy_init=True, pipeline=[]))
