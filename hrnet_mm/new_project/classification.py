"""Images in a folder for each class, or with tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import folders
from .bases import Base
from .code import Expression
from .collection import FormatError, read_size
from .request import (
    ROOT,
    Draft,
    Request,
    median_size,
    read_collections,
    set_data,
    set_evaluator,
)  # fmt: skip
from .settings import Facts, choose_classification_size
from .splits import split


def prepare(request: Request, base: Base, draft: Draft) -> None:
    """Read folders of classes, or CVAT's tags."""
    sets, images = _labelled(request, draft)
    why = 'as given'
    if '' in sets:
        whole = sets.pop('')
        images = dict.fromkeys(('train', 'val'), images[''])
        sets = _split_by_class(whole, request)
        why = f'at random with seed {request.seed}, each class alike: there is one set'
    numbers = [f'{len(it)} {name}' for name, it in sets.items()]
    draft.plan.say('images', ', '.join(numbers), why)
    draft.classes = sorted({name for _, name in sets['train']})
    unknown = sorted({name for _, name in sets['val']} - set(draft.classes))
    if unknown:
        raise FormatError(
            f'validation has images of {", ".join(unknown)}, and training has none: '
            'add some, or remove these classes'
        )
    draft.plan.say('classes', len(draft.classes), 'in alphabetical order')
    for name, it in sets.items():
        lines = [f'{file} {draft.classes.index(label)}\n' for file, label in it]
        draft.write(f'annotations/{name}.txt', ''.join(lines))
        draft.splits.append(
            dict(
                name=name,
                kind='class_folders',
                images=images[name],
                files=[file for file, _ in it],
            )
        )
    sizes = [read_size(images['train'] / file) for file, _ in sets['train'][:500]]
    draft.facts = Facts(len(sets['train']), 'images', *median_size(sizes))
    choose_classification_size(draft.plan, base, draft.facts)
    topk = (1,) if len(draft.classes) < 10 else tuple(base.config.val_evaluator.topk)
    head: dict[str, Any] = dict(num_classes=len(draft.classes))
    if topk != tuple(base.config.model.head.topk):
        head['topk'] = topk
        set_evaluator(draft, dict(topk=topk))
        draft.plan.say('accuracy', 'top 1', 'fewer than ten classes')
    draft.plan.settings['model'] = dict(head=head)


def _labelled(
    request: Request, draft: Draft
) -> tuple[dict[str, folders.Labelled], dict[str, Path]]:
    if request.annotations:
        found = read_collections(request, draft)
        images = {name: it.files.folder for name, it in found.items()}
        return {name: folders.read_tags(it) for name, it in found.items()}, images
    if request.images is None:
        raise FormatError('classification needs --images FOLDER')
    images = folders.split_folders(request.images)
    if request.val_images:
        images = {'train': request.images, 'val': request.val_images}
    return {name: folders.read_classes(it) for name, it in images.items()}, images


def _split_by_class(
    whole: folders.Labelled, request: Request
) -> dict[str, folders.Labelled]:
    sets: dict[str, folders.Labelled] = {'train': [], 'val': []}
    for label in sorted({name for _, name in whole}):
        of_class = [it for it in whole if it[1] == label]
        for name, part in split(of_class, request.val_share, request.seed).items():
            sets[name] += part
    return sets


def finish(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    settings = draft.plan.settings
    entries = {}
    for it in draft.splits:
        loader = f'{it["name"]}_dataloader'
        entries[it['name']] = dict(
            ann_file=f'annotations/{it["name"]}.txt',
            data_prefix=str(Path(it['images']).resolve()),
            pipeline=Expression(f'_base_.{loader}.dataset.pipeline'),
        )
    data = dict(
        _delete_=True,
        type='hrnet_mm.ImageFolder',
        data_root=ROOT,
        metainfo=dict(classes=tuple(draft.classes)),
    )
    set_data(draft, data, entries, {})
    settings['val_dataloader']['dataset'].setdefault('test_mode', True)
