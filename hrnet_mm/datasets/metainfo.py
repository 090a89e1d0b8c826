"""The names of the data: what the outputs of a model stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader

LOADERS = ('test_dataloader', 'val_dataloader', 'train_dataloader')


def read_metainfo(
    cfg: Config, outputs: int, checkpoint: Path | None = None
) -> dict[str, Any]:
    """Find the metainfo that names all outputs of a model.

    Args:
        cfg: Of mmpose, mmseg, mmdet or mmpretrain. Its data sets are asked first, in
            the order test, validation, training; no file of the data is read.
        outputs: How many classes or keypoints the model has.
        checkpoint: Is asked if no data set has as many names.

    Returns:
        As the ``metainfo`` of a data set: of pose parsed, else with ``classes``.

    Raises:
        ValueError: if no source has as many names.
    """
    init_default_scope(cfg.default_scope)
    found: dict[str, int] = {}
    for source, metainfo in _sources(cfg, checkpoint):
        names = names_of(metainfo)
        if len(names) == outputs:
            return metainfo
        found[source] = len(names)
    told = ', '.join(f'{source} names {number}' for source, number in found.items())
    raise ValueError(
        f'the model has {outputs} outputs, but {told or "nothing names them"}: set '
        'test_dataloader.dataset.metainfo to the names of its data'
    )


def names_of(metainfo: Mapping[str, Any]) -> list[str]:
    """Return the names of keypoints or classes, in the order of a model's outputs."""
    keypoints = metainfo.get('keypoint_id2name')
    if keypoints is not None:
        return [keypoints[i] for i in sorted(keypoints, key=int)]
    return [str(name) for name in metainfo.get('classes') or ()]


def complete_palette(given: Any, number: int) -> list[list[int]]:
    """Return a colour for each class: those given, then others, always the same ones.

    Args:
        given: Red, green and blue of the first classes; or None.
        number: Of classes.
    """
    # the generator and seed of the libraries: their colours where nothing is given
    others = np.random.RandomState(42).randint(0, 255, size=(number, 3)).tolist()
    known = [[int(x) for x in colour] for colour in given or ()][:number]
    return known + others[len(known) :]


def unwrapped(dataset: Any) -> Any:
    """Return the config of the (first) data set inside ConcatDataset and its like."""
    inner = dataset.get('dataset') or (dataset.get('datasets') or [None])[0]
    return unwrapped(inner) if inner else dataset


def _sources(
    cfg: Config, checkpoint: Path | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in LOADERS:
        if cfg.get(name):
            yield f'{name}.dataset', metainfo_of(cfg[name].dataset)
    if checkpoint is not None:
        content = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
        yield str(checkpoint), stored_metainfo(content.get('meta', {}))


def stored_metainfo(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metainfo of the training data from the ``meta`` of a checkpoint."""
    stored = dict(meta.get('dataset_meta') or {})
    if 'CLASSES' in meta:  # of the versions before OpenMMLab 2.0
        stored |= dict(classes=meta['CLASSES'], palette=meta.get('PALETTE'))
    return stored


def metainfo_of(dataset: Any) -> dict[str, Any]:
    """Return the metainfo of a data set from its config; no file is looked for.

    Args:
        dataset: A config, also of a wrapper; ``{}`` is the answer if it is none of
            mmengine's data sets.
    """
    inner = unwrapped(dataset)
    kind = DATASETS.get(inner.type) if isinstance(inner.type, str) else inner.type
    if not issubclass(kind, BaseDataset):
        return {}
    lazy = dict(inner, lazy_init=True, pipeline=[])
    if dataset.get('metainfo'):  # that of CombinedDataset is stronger
        lazy['metainfo'] = dataset.metainfo
    return DATASETS.build(lazy).metainfo
