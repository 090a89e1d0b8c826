"""The splits of data that are given on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .base import list_images
from .splits import Split

OTHERS = ('.json', '.xml', '.yaml', '.yml', '.txt')  # of annotation tools
CONVERT = (
    ' For annotations of LabelMe, CVAT, YOLO or Pascal VOC, run `hrnet-mm new`, then '
    'check its config: `hrnet-mm check PROJECT/config.py`'
)


def splits_of_data(
    data: Path,
    images: Path | None = None,
    val: Path | None = None,
    val_images: Path | None = None,
    classes: str | None = None,
    task: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of ``check`` for files and folders.

    Args:
        data: A COCO annotation file, a folder of label maps (with ``images``), or a
            folder of classes.
        images: The folder of the images.
        val: Like ``data``, for the validation split.
        val_images: The images of ``val``; by default ``images``.
        classes: Names of the classes, separated by commas.
        task: ``'pose'`` or ``'detection'`` for a COCO file; None for pose if it has
            keypoints.

    Raises:
        ValueError: If an option is missing or has no effect.
    """
    kind = _kind(data, images)
    if val is not None and _kind(val, images) != kind:
        raise ValueError(f'{val} is not the same kind of data as {data}')
    for folder in (data, val):
        if folder is not None and kind != 'coco':
            _refuse_annotations(folder)
    _check_options(kind, images, val, val_images, classes, task)
    splits = [_split('train', kind, data, images)]
    if val is not None:
        splits.append(_split('val', kind, val, val_images or images))
    if kind == 'coco':
        task = task or _task(data)
    else:
        task = 'segmentation' if kind == 'label_maps' else 'classification'
    names = [name.strip() for name in classes.split(',')] if classes else None
    return dict(splits=splits, task=task, classes=names)


def _kind(data: Path, images: Path | None) -> str:
    if data.is_file():
        if data.suffix != '.json':
            raise ValueError(
                f'{data} is neither a config (.py), nor a COCO file (.json), nor a '
                f'folder.{CONVERT}'
            )
        return 'coco'
    if images is None and (data / 'train').is_dir() and (data / 'val').is_dir():
        raise ValueError(
            f'{data} has the folders train and val, which are no classes: use '
            f'`hrnet-mm check {data}/train --val {data}/val`'
        )
    return 'label_maps' if images else 'class_folders'


def _refuse_annotations(folder: Path) -> None:
    # files of LabelMe may lie beside their images
    files = [it for it in folder.rglob('*') if it.suffix.lower() in OTHERS]
    if files and 2 * len(files) >= len(list_images(folder)):
        raise ValueError(
            f'{folder} has annotation files, such as {min(files)}. Of COCO, name the '
            f'file itself.{CONVERT}'
        )


def _check_options(
    kind: str,
    images: Path | None,
    val: Path | None,
    val_images: Path | None,
    classes: str | None,
    task: str | None,
) -> None:
    if kind == 'coco' and images is None:
        raise ValueError('a COCO file needs --images FOLDER')
    if kind == 'label_maps' and not classes:
        raise ValueError('a folder of label maps needs --classes NAME,NAME,...')
    if task and kind != 'coco':
        raise ValueError('--task is for COCO files only')
    if val_images and not (val and images):
        raise ValueError('--val-images needs --val and --images')


def _split(name: str, kind: str, data: Path, images: Path | None) -> Split:
    return Split(name, kind, images, data) if images else Split(name, kind, data)


def _task(file: Path) -> str:
    try:
        content = json.loads(file.read_text())
    except ValueError:
        return 'detection'  # the check says what is wrong
    entries = content.get('annotations') if isinstance(content, dict) else ()
    entries = entries.values() if isinstance(entries, dict) else entries or ()
    named = [it for it in entries if isinstance(it, dict) and it.get('keypoints')]
    return 'pose' if named else 'detection'
