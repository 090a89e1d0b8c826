"""What a user asks for, and what all tasks do with it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .code import Expression, Extended
from .collection import Collection, FormatError
from .formats import read_annotations
from .settings import Facts, Plan
from .splits import split_collection, unify

ROOT = Expression('root')
VAL_FILE = Expression("f'{root}/annotations/val.json'")


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Args:
        task: The folder of the task: pose, seg, det or cls.
        images: The folder of the images; None if YOLO's ``data.yaml`` names it.
        annotations: Annotation files or folders.
        val_images: The folder of the validation images, if it is another one.
        val_annotations: Annotations of the validation images, if there are any.
        format: A format of annotations, if it is not to be found from the files.
        classes: Names of the classes of label maps.
        label_suffix: How the names of the label maps end.
        val_share: The share of images for validation if there is one set.
        seed: The seed of that split.
    """

    task: str
    images: Path | None
    annotations: tuple[Path, ...] = ()
    val_images: Path | None = None
    val_annotations: tuple[Path, ...] = ()
    format: str | None = None
    classes: tuple[str, ...] = ()
    label_suffix: str | None = None
    val_share: float = 0.2
    seed: int = 0


@dataclass
class Draft:
    """A project that is being written.

    Attributes:
        folder: The folder of its files.
        plan: The settings and their reasons.
        facts: The data; set by the task.
        notes: How entries were read in another way than written, by the reason.
        splits: Arguments of ``hrnet_mm.data_check.Split``.
        classes: Names of the classes.
        keypoints: Names of the keypoints.
    """

    folder: Path
    plan: Plan = field(default_factory=Plan)
    facts: Facts | None = None
    notes: Counter[str] = field(default_factory=Counter)
    splits: list[dict[str, Any]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    keypoints: list[str] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path


def read_collections(request: Request, draft: Draft) -> dict[str, Collection]:
    """Read the annotations of a request.

    Returns:
        Collections by split: ``'train'`` and ``'val'``, or ``''`` if there is one set.

    Raises:
        FormatError: If something in the files is unclear or would be lost.
    """
    if not request.annotations:
        raise FormatError('name the annotations: --annotations FILE')
    found = read_annotations(request.annotations, request.images, request.format)
    if request.val_annotations:
        images = request.val_images or request.images
        val = read_annotations(request.val_annotations, images, request.format)
        if set(found) | set(val) != {''}:
            raise FormatError('data.yaml names its validation images itself')
        found = {'train': found[''], 'val': val['']}
    for collection in found.values():
        draft.notes += collection.notes
    return found


def split_or_unify(
    found: dict[str, Collection], request: Request, draft: Draft
) -> None:
    """Replace a single set by a random split, or give both splits equal categories."""
    if '' in found:
        whole = found.pop('')
        found.update(split_collection(whole, request.val_share, request.seed))
        why = f'at random with seed {request.seed}: there is one set'
    else:
        unify(found['train'], found['val'])
        why = 'as given'
    numbers = [f'{len(it.images)} {name}' for name, it in found.items()]
    draft.plan.say('images', ', '.join(numbers), why)


def write_collections(found: dict[str, Collection], draft: Draft) -> None:
    """Write the annotation files of a project."""
    for name, collection in found.items():
        path = draft.write(f'annotations/{name}.json', json.dumps(collection.content()))
        draft.splits.append(
            dict(
                name=name,
                kind='coco',
                images=collection.files.folder,
                annotations=path,
            )
        )


def facts_of(collection: Collection, samples: int, unit: str) -> Facts:
    """Return the facts about a collection with boxes.

    Args:
        collection: The training images.
        samples: The number of training samples of an epoch.
        unit: What a sample is, in the plural.
    """
    sizes = [(it['width'], it['height']) for it in collection.images]
    boxes = [it['bbox'] for it in collection.annotations if it.get('bbox')]
    sides = sorted(math.sqrt(max(w * h, 0)) for _, _, w, h in boxes)
    return Facts(samples, unit, *median_size(sizes), tuple(sides))


def median_size(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
    """Return the median width and height, and whether all sizes are equal."""
    width, height = np.median(np.array(sizes), axis=0).astype(int).tolist()
    return (width, height), len(set(sizes)) == 1


def set_data(
    draft: Draft, data: dict[str, Any], splits: dict[str, dict], val: dict[str, Any]
) -> None:
    """Add the data sets to the settings.

    Args:
        draft: The draft.
        data: What all data sets have.
        splits: What the data set of each split has.
        val: What else the validation loader has.
    """
    settings = draft.plan.settings
    for name, key in (('train', 'train_pipeline'), ('val', 'test_pipeline')):
        if key in settings:
            splits[name]['pipeline'] = Expression(key)
    if splits['train']['data_prefix'] == splits['val']['data_prefix']:
        data['data_prefix'] = splits['train'].pop('data_prefix')
        del splits['val']['data_prefix']
    settings['data'] = data
    train = settings.setdefault('train_dataloader', {})
    train['dataset'] = Extended('data', **splits['train'])
    settings['val_dataloader'] = dict(val, dataset=Extended('data', **splits['val']))
    settings['test_dataloader'] = Expression('val_dataloader')


def set_evaluator(draft: Draft, changes: dict[str, Any]) -> None:
    """Add changes of the evaluators to the settings."""
    draft.plan.settings['val_evaluator'] = changes
    draft.plan.settings['test_evaluator'] = Expression('val_evaluator')


def coco_entries(draft: Draft) -> dict[str, dict[str, Any]]:
    """Return what the data sets of both splits have: annotation file and images."""
    return {
        it['name']: dict(
            ann_file=f'annotations/{it["name"]}.json',
            data_prefix=dict(img=str(Path(it['images']).resolve())),
        )
        for it in draft.splits
    }
