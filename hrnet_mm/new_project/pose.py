"""People, faces and other objects with keypoints."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from mmengine.registry import init_default_scope

from hrnet_mm.datasets.metainfo import metainfo_of

from .bases import Base
from .code import Expression
from .collection import Collection, FormatError
from .joints import Joints, joints_file, joints_of_collection, joints_of_metainfo
from .request import (
    ROOT,
    VAL_FILE,
    Draft,
    Request,
    coco_entries,
    facts_of,
    read_collections,
    set_data,
    set_evaluator,
    split_or_unify,
    write_collections,
)  # fmt: skip
from .splits import reorder_keypoints


def prepare(request: Request, base: Base, draft: Draft) -> None:
    """Read people, faces or other objects with keypoints."""
    found = read_collections(request, draft)
    for collection in found.values():
        _keep_keypoints(collection, draft)
    split_or_unify(found, request, draft)
    train = found['train']
    if not train.annotations:
        raise FormatError(
            f'{train.source} has no object with a labelled keypoint in the training '
            'images'
        )
    init_default_scope('mmpose')
    known = joints_of_metainfo(metainfo_of(base.config.train_dataloader.dataset))
    if sorted(train.keypoints) == sorted(known.names):
        for collection in found.values():
            reorder_keypoints(collection, known.names)
    draft.keypoints = train.keypoints
    draft.facts = facts_of(train, len(train.annotations), 'objects')
    _choose_joints(train, known, base, draft)
    write_collections(found, draft)


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
    collection.add_areas()


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
        "    if not step['type'].endswith('RandomFlip')\n]"
    )
    settings.setdefault('model', {})['test_cfg'] = dict(flip_test=False)
    draft.plan.say(
        'flips', 'off', 'the keypoints have no names: which are mirrored is unknown'
    )


def _choose_metric(train: Collection, joints: Joints, base: Base, draft: Draft) -> None:
    if base.config.val_evaluator.type != 'NME':
        set_evaluator(draft, dict(ann_file=VAL_FILE))
        return
    if joints.dataset_name != 'mine':
        draft.plan.say(
            'NME', 'as in the base', f'the landmarks of {joints.dataset_name}'
        )
        return
    a, b = _farthest_pair(train, joints)
    set_evaluator(draft, dict(keypoint_indices=[a, b]))
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


def finish(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    entries = coco_entries(draft)
    if 'bbox_file' in base.config.val_dataloader.dataset:
        entries['val']['bbox_file'] = None
    data = draft.plan.settings.pop('data')
    width, height = base.config.codec.input_size
    draft.plan.say('crop', f'{width} x {height}', 'that of the base and its weights')
    set_data(draft, data, entries, {})
