"""What each task reads, and what its config says about the data."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import init_default_scope

from hrnet_mm.datasets.metainfo import metainfo_of

from . import folders
from .bases import Base
from .code import Expression, Extended
from .collection import Collection, FormatError, read_size
from .formats import read_annotations
from .joints import Joints, joints_file, joints_of_collection, joints_of_metainfo
from .settings import (
    Facts,
    Plan,
    choose_anchors,
    choose_classification_size,
    choose_crop,
    choose_detection_size,
)
from .splits import reorder_keypoints, split, split_collection, unify

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
        path.write_text(text)
        return path


def _read(request: Request, draft: Draft) -> dict[str, Collection]:
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


def _split(found: dict[str, Collection], request: Request, draft: Draft) -> None:
    if '' in found:
        whole = found.pop('')
        found.update(split_collection(whole, request.val_share, request.seed))
        why = f'at random with seed {request.seed}: there is one set'
    else:
        unify(found['train'], found['val'])
        why = 'as given'
    numbers = [f'{len(it.images)} {name}' for name, it in found.items()]
    draft.plan.say('images', ', '.join(numbers), why)


def _write_collections(found: dict[str, Collection], draft: Draft) -> None:
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


def _facts(collection: Collection, samples: int, unit: str) -> Facts:
    sizes = [(it['width'], it['height']) for it in collection.images]
    boxes = [it['bbox'] for it in collection.annotations if it.get('bbox')]
    sides = sorted(math.sqrt(max(w * h, 0)) for _, _, w, h in boxes)
    return Facts(samples, unit, *_median_size(sizes), tuple(sides))


def _median_size(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
    width, height = np.median(np.array(sizes), axis=0).astype(int).tolist()
    return (width, height), len(set(sizes)) == 1


def _set_data(
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


def _set_evaluator(draft: Draft, changes: dict[str, Any]) -> None:
    draft.plan.settings['val_evaluator'] = changes
    draft.plan.settings['test_evaluator'] = Expression('val_evaluator')


def _coco_entries(draft: Draft) -> dict[str, dict[str, Any]]:
    return {
        it['name']: dict(
            ann_file=f'annotations/{it["name"]}.json',
            data_prefix=dict(img=str(Path(it['images']).resolve())),
        )
        for it in draft.splits
    }


# -- pose ------------------------------------------------------------------------------


def prepare_pose(request: Request, base: Base, draft: Draft) -> None:
    """Read people, faces or other objects with keypoints."""
    found = _read(request, draft)
    for collection in found.values():
        _keep_keypoints(collection, draft)
    _split(found, request, draft)
    train = found['train']
    init_default_scope('mmpose')
    known = joints_of_metainfo(metainfo_of(base.config.train_dataloader.dataset))
    if sorted(train.keypoints) == sorted(known.names):
        for collection in found.values():
            reorder_keypoints(collection, known.names)
    draft.keypoints = train.keypoints
    draft.facts = _facts(train, len(train.annotations), 'objects')
    _choose_joints(train, known, base, draft)
    _write_collections(found, draft)


def _keep_keypoints(collection: Collection, draft: Draft) -> None:
    names = collection.keypoints
    if not names:
        raise FormatError(
            f'{collection.source} has no keypoints: pose needs them. For boxes and '
            'outlines use `hrnet-mm new det`'
        )
    kept = [
        it
        for it in collection.annotations
        if it.get('bbox') and (it['iscrowd'] or it.get('num_keypoints'))
    ]
    if left := len(collection.annotations) - len(kept):
        draft.notes['objects without a box or a labelled keypoint: left out'] += left
    kinds = [c for c in collection.categories.values() if c.get('keypoints')]
    if len(kinds) > 1:
        draft.notes['categories with the same keypoints: read as one'] += len(kinds)
    name = kinds[0]['name'] if len(kinds) == 1 else 'object'
    collection.categories = {name: dict(kinds[0], id=1, name=name)}
    collection.annotations = [dict(it, category_id=1) for it in kept]


def _choose_joints(train: Collection, known: Joints, base: Base, draft: Draft) -> None:
    cfg = base.config
    names = draft.keypoints
    unnamed = all(name.startswith('keypoint_') for name in names)
    if names == known.names or (unnamed and len(names) == len(known.names)):
        joints, why = known, 'those of the base'
        if names != known.names:
            why = f'the data has no names: taken as those of {known.dataset_name}'
    else:
        joints = joints_of_collection(train, known)
        why = 'those of the data, in joints.py'
    draft.plan.say('keypoints', len(names), why)
    pairs = len(joints.swaps) // 2
    draft.plan.say(
        'swapped by flips', f'{pairs} pairs', joints.reasons.get('swaps', why)
    )
    stock = cfg.train_dataloader.dataset.type in (
        'hrnet_mm.CocoPose',
        'hrnet_mm.TinyPose',
    )
    described = {}
    if joints is not known or not stock:
        draft.write('joints.py', joints_file(joints))
        described = dict(metainfo=dict(from_file=Expression("f'{root}/joints.py'")))
    if unnamed and not joints.swaps:
        _switch_off_flips(draft)
    if joints is not known:
        head = dict(out_channels=len(names))
        draft.plan.settings.setdefault('model', {})['head'] = head
        if cfg.val_evaluator.type == 'hrnet_mm.CocoPoseMetric':
            draft.plan.say('sigmas of AP', 'joints.py', joints.reasons['sigmas'])
    draft.plan.settings['data'] = dict(
        type='hrnet_mm.CocoPose', data_root=ROOT, **described
    )
    _choose_metric(train, joints, base, draft)


def _switch_off_flips(draft: Draft) -> None:
    # nothing says which keypoint becomes which in a flipped image
    settings = draft.plan.settings
    settings['train_pipeline'] = Expression(
        '[\n    step\n    for step in _base_.train_dataloader.dataset.pipeline\n'
        "    if step['type'] != 'RandomFlip'\n]"
    )
    settings.setdefault('model', {})['test_cfg'] = dict(flip_test=False)
    draft.plan.say(
        'flips', 'off', 'the keypoints have no names: which are mirrored is unknown'
    )


def _choose_metric(train: Collection, joints: Joints, base: Base, draft: Draft) -> None:
    if base.config.val_evaluator.type != 'NME':
        _set_evaluator(draft, dict(ann_file=VAL_FILE))
        return
    if joints.dataset_name != 'mine':
        draft.plan.say(
            'NME', 'as in the base', f'the landmarks of {joints.dataset_name}'
        )
        return
    a, b = _farthest_pair(train, joints)
    _set_evaluator(draft, dict(keypoint_indices=[a, b]))
    names = joints.names
    draft.plan.say(
        'NME',
        f'relative to {names[a]} - {names[b]}',
        'the largest distance between a keypoint and its mirrored one',
    )


def _farthest_pair(train: Collection, joints: Joints) -> tuple[int, int]:
    points = np.array([it['keypoints'] for it in train.annotations], float)
    points = points.reshape(len(points), -1, 3)
    index = joints.names.index
    pairs = [(index(a), index(b)) for a, b in joints.swaps.items() if a < b]
    pairs = pairs or [*combinations(range(len(joints.names)), 2)]

    def distance(pair: tuple[int, int]) -> float:
        seen = (points[:, pair, 2] > 0).all(axis=1)
        apart = np.linalg.norm(
            points[seen][:, pair[0], :2] - points[seen][:, pair[1], :2], axis=1
        )
        return float(apart.mean()) if len(apart) else 0.0

    return max(pairs, key=distance)


def finish_pose(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    entries = _coco_entries(draft)
    if 'bbox_file' in base.config.val_dataloader.dataset:
        entries['val']['bbox_file'] = None
    data = draft.plan.settings.pop('data')
    width, height = base.config.codec.input_size
    draft.plan.say('crop', f'{width} x {height}', 'that of the base and its weights')
    _set_data(draft, data, entries, {})


# -- detection -------------------------------------------------------------------------


def prepare_det(request: Request, base: Base, draft: Draft) -> None:
    """Read objects with boxes or outlines."""
    found = _read(request, draft)
    _split(found, request, draft)
    for collection in found.values():
        _complete_boxes(collection, base)
    _write_collections(found, draft)
    train = found['train']
    draft.classes = [*train.categories]
    with_objects = {it['image_id'] for it in train.annotations}
    draft.facts = _facts(train, len(with_objects), 'images with objects')
    if not draft.facts.objects:
        raise FormatError(f'{train.source} has no objects in the training images')
    factor = choose_detection_size(draft.plan, base, draft.facts)
    choose_anchors(draft.plan, base, draft.facts, factor)
    _set_heads(base, draft)


def _complete_boxes(collection: Collection, base: Base) -> None:
    from hrnet_mm.datasets.outlines import outline_area, outline_box

    sizes = {it['id']: (it['width'], it['height']) for it in collection.images}
    without = 0
    for it in collection.annotations:
        outline = it.get('segmentation')
        if outline and not it.get('bbox'):
            it['bbox'] = outline_box(outline, sizes[it['image_id']])
        if not it.get('area'):
            area = outline_area(outline, sizes[it['image_id']]) if outline else 0
            it['area'] = area or it['bbox'][2] * it['bbox'][3]
        without += not outline
    if without and base.config.model.get('roi_head', {}).get('mask_head'):
        raise FormatError(
            f'{without} of {len(collection.annotations)} objects of '
            f'{collection.source} have no outline, which {base.name} trains on: '
            'choose a detector of boxes, such as --from '
            'faster-rcnn_hrnetv2p_w18_coco-2x'
        )


def _set_heads(base: Base, draft: Draft) -> None:
    number, given = len(draft.classes), base.config.model
    model = draft.plan.settings.setdefault('model', {})
    if 'roi_head' not in given:
        model['bbox_head'] = dict(num_classes=number)
        return
    model['roi_head'] = {}
    for name in ('bbox_head', 'mask_head'):
        head = given.roi_head.get(name)
        if isinstance(head, list):
            model['roi_head'][name] = Expression(
                f'[dict(head, num_classes={number}) for head in '
                f'_base_.model.roi_head.{name}]'
            )
        elif head:
            model['roi_head'][name] = dict(num_classes=number)


def finish_det(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    entries = _coco_entries(draft)
    data = dict(
        type='hrnet_mm.CocoDet',
        data_root=ROOT,
        metainfo=dict(classes=tuple(draft.classes)),
    )
    _set_data(draft, data, entries, {})
    _set_evaluator(draft, dict(ann_file=VAL_FILE))


# -- segmentation ----------------------------------------------------------------------


def prepare_seg(request: Request, base: Base, draft: Draft) -> None:
    """Read label maps, or draw them from outlines."""
    maps = _drawn_maps(request, draft) or _given_maps(request, draft)
    values = sorted({value for it in maps.values() for value in it.values})
    binary = values == [0, folders.IGNORED]
    number = 2 if binary else max(values) + 1
    _name_classes(request, draft, number)
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
    sizes = _median_size([train.size(name) for name in train.names])
    draft.facts = Facts(len(train.names), 'images', *sizes)
    draft.plan.settings['data'] = dict(
        type='hrnet_mm.LabelMaps',
        data_root=ROOT,
        metainfo=dict(classes=tuple(draft.classes)),
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
    found = _read(request, draft)
    _split(found, request, draft)
    maps = {}
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


def _name_classes(request: Request, draft: Draft, number: int) -> None:
    names = [*request.classes] or draft.classes
    why = 'from --classes' if request.classes else 'from the annotations'
    if not names:
        names = [f'class_{i}' for i in range(number)]
        why = 'the largest value of the label maps; name them with --classes'
    if len(names) < number:
        raise FormatError(
            f'--classes names {len(names)} classes, but the label maps have values up '
            f'to {number - 1}: name one for each from 0'
        )
    draft.classes = names
    draft.plan.say('classes', len(names), why)


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


def finish_seg(request: Request, base: Base, draft: Draft) -> None:
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
    _set_data(draft, data, entries, val)


# -- classification --------------------------------------------------------------------


def prepare_cls(request: Request, base: Base, draft: Draft) -> None:
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
    draft.facts = Facts(len(sets['train']), 'images', *_median_size(sizes))
    choose_classification_size(draft.plan, base, draft.facts)
    topk = (1,) if len(draft.classes) < 10 else tuple(base.config.val_evaluator.topk)
    head: dict[str, Any] = dict(num_classes=len(draft.classes))
    if topk != tuple(base.config.model.head.topk):
        head['topk'] = topk
        _set_evaluator(draft, dict(topk=topk))
        draft.plan.say('accuracy', 'top 1', 'fewer than ten classes')
    draft.plan.settings['model'] = dict(head=head)


def _labelled(
    request: Request, draft: Draft
) -> tuple[dict[str, folders.Labelled], dict[str, Path]]:
    if request.annotations:
        found = _read(request, draft)
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


def finish_cls(request: Request, base: Base, draft: Draft) -> None:
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
    _set_data(draft, data, entries, {})
    settings['val_dataloader']['dataset'].setdefault('test_mode', True)


PREPARE = dict(pose=prepare_pose, det=prepare_det, seg=prepare_seg, cls=prepare_cls)
FINISH = dict(pose=finish_pose, det=finish_det, seg=finish_seg, cls=finish_cls)
