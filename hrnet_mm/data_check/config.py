"""The data that the loaders of a config read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from hrnet_mm.datasets.annotations import read_json
from hrnet_mm.datasets.metainfo import build_lazily, names_of
from hrnet_mm.images import loader_of
from hrnet_mm.libraries import library_of

from .splits import Anchors, Labels, Split

SPLITS = ('train', 'val', 'test')
# what each task reads: the class of the library, which data sets are derived from
READ = dict(
    pose='BaseCocoStyleDataset',
    segmentation='BaseSegDataset',
    detection='CocoDataset',
    classification='CustomDataset',
)


class UnknownFormat(ValueError):
    """The error of a data set whose format ``check`` does not read."""


def configs_of_tasks(cfg: Config) -> dict[str, Config]:
    """Return the configs whose data are checked, each for ``splits_of_config``.

    Args:
        cfg: A config of a library, or of several tasks.

    Returns:
        The config of each task by its name, or the given one by ``''``.
    """
    if cfg.get('default_scope') != 'hrnet_mm':
        return {'': cfg}
    from hrnet_mm.universal import config_of_task

    return {name: config_of_task(cfg, name) for name in cfg.model.tasks}


def splits_of_config(cfg: Config) -> dict[str, Any]:
    """Return the arguments of ``check`` for the data that a config reads.

    If the test reads the same files as the validation, they are checked once. The data
    sets of the library are built without their samples.

    Args:
        cfg: A config of mmpose, mmseg, mmdet or mmpretrain; see ``configs_of_tasks``.

    Raises:
        UnknownFormat: If a data set has a format of its own.
        ValueError: If the config has no data set, or if its data sets have different
            classes or keypoints.
    """
    task = library_of(cfg.get('default_scope')).task
    init_default_scope(cfg.default_scope)
    found = {name: (build_lazily(inner), inner) for name, inner in _data_sets(cfg)}
    if not found:
        raise ValueError(
            'the config has no train_dataloader, val_dataloader or test_dataloader'
        )
    splits: dict[Any, Split] = {}
    for name, (dataset, _) in found.items():
        split = _split(name, task, dataset)
        key = (split.is_train, split.images, split.annotations, split.files)
        splits.setdefault(key, split)
    first, inner = next(iter(found.values()))
    _check_same_names({name: dataset for name, (dataset, _) in found.items()})
    stored = getattr(first, 'keypoints_as_stored', True)
    return dict(
        splits=list(splits.values()),
        task=task,
        classes=None if task == 'pose' else first.metainfo.get('classes'),
        keypoints=first.metainfo if task == 'pose' and stored else None,
        labels=_labels(first) if task == 'segmentation' else Labels(),
        anchors=_anchors(cfg, inner) if task == 'detection' else None,
        masks=any(step.get('with_mask') for step in inner.get('pipeline') or ()),
        turns_images='ignore_orientation'
        not in loader_of(inner.get('pipeline') or ()).get('color_type', ''),
    )


def _data_sets(cfg: Config) -> Iterator[tuple[str, Any]]:
    for name in SPLITS:
        loader = cfg.get(f'{name}_dataloader')
        inner = list(_inner(loader.dataset, ())) if loader else []
        for number, dataset in enumerate(inner, start=1):
            yield (name if len(inner) == 1 else f'{name} {number}'), dataset


def _inner(dataset: Any, pipeline: Any) -> Iterator[Any]:
    # the data sets inside wrappers such as ConcatDataset, with the pipeline around them
    pipeline = dataset.get('pipeline') or pipeline
    parts = dataset.get('datasets') or (
        [dataset.dataset] if 'dataset' in dataset else ()
    )
    for part in parts:
        yield from _inner(part, pipeline)
    if not parts:
        yield dict(dataset, pipeline=[*(dataset.get('pipeline') or ()), *pipeline])


def _check_same_names(found: dict[str, Any]) -> None:
    names = {name: names_of(dataset.metainfo) for name, dataset in found.items()}
    first = next(iter(names))
    for name, given in names.items():
        if given != names[first]:
            raise ValueError(
                f'the data sets of the config differ in their classes or keypoints '
                f'({first}: {len(names[first])}, {name}: {len(given)}): check each '
                'annotation file by itself, `hrnet-mm check FILE.json --images FOLDER`'
            )


def _split(name: str, task: str, dataset: Any) -> Split:
    bases = [base.__name__ for base in type(dataset).__mro__]
    kind = type(dataset).__name__
    own = READ[task] not in bases
    if task == 'pose' and not own:  # MPII, for example
        owners = [b for b in type(dataset).__mro__ if '_load_annotations' in vars(b)]
        own = owners[0].__name__ != READ[task]
    if 'depth_map_path' in dataset.data_prefix:
        raise UnknownFormat(
            f'{name} has the data set {kind} with depth maps, which `check` does not '
            'read. `mim train` checks that all its files exist before the first step'
        )
    if own:
        raise UnknownFormat(
            f'{name} has the data set {kind}, which has a format of its own: `check` '
            f'reads data sets derived from {READ[task]} of the library'
        )
    if task == 'segmentation':
        return _label_maps(name, dataset)
    if task == 'classification':
        file = Path(dataset.ann_file) if dataset.ann_file else None
        return Split(name, 'class_folders', Path(dataset.img_prefix), file)
    images = Path(dataset.data_prefix.get('img') or '.')
    reads = getattr(dataset, 'with_described_keypoints', None)
    reader = getattr(dataset, 'reader', read_json)
    file = Path(dataset.ann_file)
    split = Split(name, 'coco', images, file, reads=reads, reader=reader)
    if hasattr(dataset, 'read_label_map') and dataset.data_prefix.get('seg'):
        return replace(split, kind='panoptic', read_map=dataset.read_label_map)
    return split


def _label_maps(name: str, dataset: Any) -> Split:
    file, files = Path(dataset.ann_file), None
    if dataset.ann_file and file.is_file():
        names = [line.strip() for line in file.read_text().splitlines()]
        files = tuple(name + dataset.img_suffix for name in names if name)
    folders = dataset.data_prefix
    return Split(
        name,
        'label_maps',
        Path(folders['img_path'] or '.'),
        Path(folders['seg_map_path'] or '.'),
        files,
        (dataset.img_suffix, dataset.seg_map_suffix),
    )


def _labels(dataset: Any) -> Labels:
    ignored = {dataset.ignore_index}
    if values := getattr(dataset, 'label_values', None):
        return Labels(tuple(values), frozenset(ignored))
    number = len(dataset.metainfo.get('classes') or ())
    if dataset.label_map:  # some classes of the data set
        label_of = {new: old for old, new in dataset.label_map.items() if new < number}
        ignored |= set(dataset.label_map) - set(label_of.values())
        return Labels(tuple(label_of[i] for i in range(number)), frozenset(ignored))
    if dataset.reduce_zero_label:
        return Labels(tuple(range(1, number + 1)), frozenset(ignored | {0}))
    return Labels(None, frozenset(ignored))


def _anchors(cfg: Config, dataset: Any) -> Anchors | None:
    head = cfg.model.get('rpn_head') or cfg.model.get('bbox_head') or {}
    generator = head.get('anchor_generator')
    if not generator:
        return None
    scales = generator.get('scales') or [generator.get('octave_base_scale', 8)]
    stride = generator['strides'][0]
    train = cfg.model.get('train_cfg') or {}
    assigner = (train.get('rpn') or train).get('assigner') or {}
    scale, factor = _resized(dataset.get('pipeline') or ())
    return Anchors(
        smallest=min(scales)
        * (stride[0] if isinstance(stride, tuple | list) else stride),
        overlap=assigner.get('min_pos_iou', Anchors.overlap),
        scale=scale,
        factor=factor,
    )


def _resized(pipeline: Any) -> tuple[tuple[int, int] | None, float]:
    # the largest scale, which suits small objects best
    share = None
    for step in pipeline:
        if str(step['type']).endswith('RandomSquareCrop'):
            share = min(step['shares'])
        if 'Resize' not in str(step['type']):
            continue
        scales = step.get('scales') or step.get('scale')
        if not scales:
            return None, step.get('scale_factor', 1)
        scales = scales if isinstance(scales[0], tuple | list) else [scales]
        ratio = max(step.get('ratio_range') or (1,))
        long, short = max(scales, key=lambda scale: scale[0] * scale[1])
        if share:  # of the short side, whatever the long one is
            return (sys.maxsize, round(short / share)), 1
        return (round(long * ratio), round(short * ratio)), 1
    return None, 1
