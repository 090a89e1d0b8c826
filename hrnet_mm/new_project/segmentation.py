"""Label maps, given or drawn from outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from mmengine.registry import init_default_scope

from hrnet_mm.datasets.metainfo import metainfo_of

from . import folders
from .bases import Base
from .code import Expression
from .collection import FormatError, check_names
from .request import (
    ROOT,
    Draft,
    Request,
    median_size,
    read_collections,
    set_data,
    split_or_unify,
)  # fmt: skip
from .settings import Facts, choose_crop
from .splits import split

MOST_COLOURS = 20  # which people can tell apart


def prepare(request: Request, base: Base, draft: Draft) -> None:
    """Read label maps, or draw them from outlines."""
    maps = _drawn_maps(request, draft) or _given_maps(request, draft)
    values = sorted({value for it in maps.values() for value in it.values})
    binary = values == [0, folders.IGNORED]
    _name_classes(request, draft, 2 if binary else max(values) + 1, values)
    train = maps['train']
    for name, it in maps.items():
        draft.write(f'annotations/{name}.txt', '\n'.join(it.names) + '\n')
        draft.splits.append(
            dict(
                name=name,
                kind='label_maps',
                images=it.images,
                annotations=it.labels,
                files=[f'{n}{it.image_suffix}' for n in it.names],
            )
        )
    sizes = median_size([train.size(name) for name in train.names])
    draft.facts = Facts(len(train.names), 'images', *sizes)
    draft.plan.settings['data'] = dict(
        type='hrnet_mm.LabelMaps',
        data_root=ROOT,
        metainfo=dict(classes=tuple(draft.classes), **_palette(draft.classes, base)),
        img_suffix=train.image_suffix,
        seg_map_suffix=train.label_suffix,
        **(dict(label_values=(0, folders.IGNORED)) if binary else {}),
    )
    if binary:
        draft.plan.say('label values', '0, 255', 'black and white masks')
    choose_crop(draft.plan, base, draft.facts)
    _set_decode_heads(base, draft)


def _is_annotation(path: Path) -> bool:
    ends = ('.json', '.xml', '.yaml', '.yml', '.txt', '.zip')
    return path.is_file() or any(
        next(path.rglob(f'*{end}'), None) is not None for end in ends
    )


def _drawn_maps(request: Request, draft: Draft) -> dict[str, folders.LabelMaps]:
    if not any(map(_is_annotation, request.annotations)):
        return {}
    found = read_collections(request, draft)
    split_or_unify(found, request, draft)
    maps = {}
    if not found['train'].annotations:
        raise FormatError(
            f'{found["train"].source} has no outlines in the training images'
        )
    for name, collection in found.items():
        labels = draft.folder / 'labels' / name
        folders.draw_label_maps(collection, labels)
        images = [Path(it['file_name']) for it in collection.images]
        suffixes = {path.suffix for path in images}
        if len(suffixes) > 1:
            raise FormatError(
                f'the images of {collection.source} end in {sorted(suffixes)}: '
                'MMSegmentation needs one suffix. Convert them'
            )
        names = [path.with_suffix('').as_posix() for path in images]
        values = [*range(len(collection.categories) + 1)]
        maps[name] = folders.LabelMaps(
            collection.files.folder, labels, suffixes.pop(), '.png', names, values
        )
    draft.classes = ['background', *found['train'].categories]
    draft.plan.say(
        'label maps',
        'labels/',
        'drawn from the outlines; pixels of none are background',
    )
    return maps


def _given_maps(request: Request, draft: Draft) -> dict[str, folders.LabelMaps]:
    if request.images is None or len(request.annotations) != 1:
        raise FormatError(
            'segmentation needs --images FOLDER and --annotations with the folder of '
            'label maps, or a file with outlines'
        )
    labels, suffix = request.annotations[0], request.label_suffix
    if request.val_annotations:
        images = {'train': request.images, 'val': request.val_images or request.images}
        both = {'train': labels, 'val': request.val_annotations[0]}
    else:
        images, both = (
            folders.split_folders(request.images),
            folders.split_folders(labels),
        )
        if set(images) != set(both):
            images, both = {'': request.images}, {'': labels}
    maps = {
        name: folders.read_label_maps(images[name], both[name], suffix)
        for name in images
    }
    why = 'as given'
    if '' in maps:
        whole = maps.pop('')
        why = f'at random with seed {request.seed}: there is one set'
        for name, names in split(whole.names, request.val_share, request.seed).items():
            maps[name] = folders.LabelMaps(
                whole.images,
                whole.labels,
                whole.image_suffix,
                whole.label_suffix,
                names,
                whole.values,
            )
    numbers = [f'{len(it.names)} {name}' for name, it in maps.items()]
    draft.plan.say('images', ', '.join(numbers), why)
    return maps


def _name_classes(
    request: Request, draft: Draft, number: int, values: list[int]
) -> None:
    names = [*request.classes] or draft.classes
    why = 'from --classes' if request.classes else 'from the annotations'
    if not names:
        names = [f'class_{i}' for i in range(number)]
        between = 'to' if len(values) > 2 else 'and'
        why = (
            f'values {values[0]} {between} {values[-1]} of the label maps; name them '
            'with --classes'
        )
    if len(names) < number:
        raise FormatError(
            f'--classes names {len(names)} classes, but the label maps have values up '
            f'to {number - 1}: name one for each from 0'
        )
    if request.classes:
        check_names(names, 'classes', '--classes')
    draft.classes = names
    draft.plan.say('classes', len(names), why)


def _palette(classes: list[str], base: Base) -> dict[str, Any]:
    if len(classes) > MOST_COLOURS:
        return {}
    init_default_scope('mmseg')
    known = metainfo_of(base.config.train_dataloader.dataset)
    if list(known.get('classes', ())) == classes and known.get('palette'):
        return dict(palette=[tuple(colour) for colour in known['palette']])
    objects = [name for name in classes if name != 'background']
    colours = matplotlib.colormaps['tab10' if len(objects) <= 10 else 'tab20'].colors  # type: ignore[attr-defined]
    rows = [tuple(round(255 * x) for x in colour) for colour in colours]
    of_class = dict(zip(objects, rows, strict=False), background=(0, 0, 0))
    return dict(palette=[of_class[name] for name in classes])


def _set_decode_heads(base: Base, draft: Draft) -> None:
    given, number = base.config.model.decode_head, len(draft.classes)
    model = draft.plan.settings.setdefault('model', {})
    first = given[0] if isinstance(given, list) else given
    weighted = 'class_weight' in first.loss_decode
    if not isinstance(given, list):
        model['decode_head'] = dict(num_classes=number)
        if weighted:
            model['decode_head']['loss_decode'] = dict(class_weight=None)
        return
    loss = ', loss_decode=dict(head.loss_decode, class_weight=None)' if weighted else ''
    model['decode_head'] = Expression(
        f'[\n        dict(head, num_classes={number}{loss})\n'
        '        for head in _base_.model.decode_head\n    ]'
    )


def finish(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    entries = {}
    for it in draft.splits:
        labels = Path(it['annotations'])
        drawn = labels.is_relative_to(draft.folder)
        place: Any = str(labels.resolve())
        if drawn:
            place = labels.relative_to(draft.folder).as_posix()
        entries[it['name']] = dict(
            ann_file=f'annotations/{it["name"]}.txt',
            data_prefix=dict(
                img_path=str(Path(it['images']).resolve()), seg_map_path=place
            ),
        )
    assert draft.facts is not None
    given = base.config.val_dataloader.batch_size
    val = {} if draft.facts.one_size or given == 1 else dict(batch_size=1)
    data = draft.plan.settings.pop('data')
    if base.config.train_dataloader.dataset.get('reduce_zero_label'):
        data['reduce_zero_label'] = False
    set_data(draft, data, entries, val)
