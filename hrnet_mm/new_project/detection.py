"""Objects with boxes or outlines."""

from __future__ import annotations

from hrnet_mm.datasets.outlines import outline_box

from .bases import Base
from .code import Expression
from .collection import Collection, FormatError
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
from .settings import choose_anchors, choose_detection_size


def prepare(request: Request, base: Base, draft: Draft) -> None:
    """Read objects with boxes or outlines."""
    found = read_collections(request, draft)
    split_or_unify(found, request, draft)
    for collection in found.values():
        _complete_boxes(collection, base)
    write_collections(found, draft)
    train = found['train']
    draft.classes = [*train.categories]
    with_objects = {it['image_id'] for it in train.annotations}
    draft.facts = facts_of(train, len(with_objects), 'images with objects')
    if not draft.facts.objects:
        raise FormatError(f'{train.source} has no objects in the training images')
    factor = choose_detection_size(draft.plan, base, draft.facts)
    choose_anchors(draft.plan, base, draft.facts, factor)
    _set_heads(base, draft)


def _complete_boxes(collection: Collection, base: Base) -> None:
    sizes = {it['id']: (it['width'], it['height']) for it in collection.images}
    without = 0
    for it in collection.annotations:
        outline = it.get('segmentation')
        if outline and not it.get('bbox'):
            it['bbox'] = outline_box(outline, sizes[it['image_id']])
        without += not outline
    collection.add_areas()
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


def finish(request: Request, base: Base, draft: Draft) -> None:
    """Add the data sets, after batch and schedule are chosen."""
    entries = coco_entries(draft)
    data = dict(
        type='hrnet_mm.CocoDet',
        data_root=ROOT,
        metainfo=dict(classes=tuple(draft.classes)),
    )
    set_data(draft, data, entries, {})
    set_evaluator(draft, dict(ann_file=VAL_FILE))
