"""The check of all splits of a data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrnet_mm.messages import counted

from .base import Facts, SplitCheck, plural
from .class_folders import FolderCheck
from .coco import CocoCheck
from .duplicates import similar_images
from .findings import EFFECTS, Finding, Report, finding
from .image_facts import examine_all
from .label_maps import LabelMapCheck
from .panoptic import PanopticCheck
from .splits import Anchors, Expected, Keypoints, Labels, Split
from .threads import Progress

CHECKS: dict[str, type[SplitCheck]] = dict(
    coco=CocoCheck,
    panoptic=PanopticCheck,
    label_maps=LabelMapCheck,
    class_folders=FolderCheck,
)
DRAWN = 8  # images of each split


def check(
    splits: Sequence[Split],
    task: str,
    classes: Sequence[str] | None = None,
    keypoints: Mapping[str, Any] | None = None,
    *,
    labels: Labels = Labels(),
    anchors: Anchors | None = Anchors(),
    masks: bool = False,
    turns_images: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Find faults of a data set before a model is trained on it.

    Args:
        splits: The splits. Each image is read once.
        task: ``'pose'``, ``'segmentation'``, ``'detection'`` or ``'classification'``.
        classes: The classes, in the order of the outputs; None for those of the data.
        keypoints: The metainfo of MMPose, parsed or not; None for the keypoints that
            the annotation file names.
        labels: The pixel values of label maps.
        anchors: The anchors of a detector; by default those of our configs. None for a
            detector without anchors.
        masks: Whether the pipeline of a detector loads masks.
        turns_images: Whether the pipeline applies the EXIF orientation of images.
        progress: A function that is called with the number of files that are done, and
            that of all files.

    Returns:
        The findings, the most severe first, statistics and drawings.
    """
    expected = Expected(
        task=task,
        classes=classes,
        keypoints=Keypoints.from_metainfo(keypoints) if keypoints else None,
        labels=labels,
        anchors=anchors,
        masks=masks,
        turns_images=turns_images,
    )
    checks = [CHECKS[split.kind](split, expected, progress) for split in splits]
    facts = examine_all((it.path(f) for it in checks for f in it.files), progress)
    found = [one for it in checks for one in it.findings(facts)]
    found += _duplicates(checks, facts)
    found += _similar(checks, facts)
    order = list(EFFECTS)
    return Report(
        findings=sorted(found, key=lambda one: order.index(one.effect)),
        summary={it.split.name: it.summary for it in checks},
        drawings=[drawing for it in checks for drawing in _drawings(it, facts)],
    )


Place = tuple[SplitCheck, str]


def _places(checks: Sequence[SplitCheck]) -> dict[Path, list[Place]]:
    places = defaultdict(list)
    for it in checks:
        for file in it.files:
            places[it.path(file)].append((it, file))
    return places


def _duplicates(checks: Sequence[SplitCheck], facts: Facts) -> Iterator[Finding]:
    groups: dict[bytes, list[Place]] = defaultdict(list)
    for path, places in _places(checks).items():
        if facts[path].thumbnail is not None:
            groups[facts[path].digest] += places
    same = [group for group in groups.values() if len(group) > 1]
    for split in [it.split for it in checks]:
        if not split.is_train:
            yield from _leaks(same, split.name)
        within = [[p for p in group if p[0].split is split] for group in same]
        yield from _repeated([group for group in within if len(group) > 1], split.name)


def _leaks(groups: list[list[Place]], name: str) -> Iterator[Finding]:
    where = []
    for group in groups:
        trained = [f'{it.split.name}/{f}' for it, f in group if it.split.is_train]
        scored = [f'{name}/{file}' for it, file in group if it.split.name == name]
        if trained and scored:
            where.append(f'{trained[0]} = {scored[0]}')
    if where:
        yield finding(
            'wrong',
            f'{counted(len(where), "image")} of {name} {plural("is", len(where))} in '
            'train, too: scores are too high. Remove '
            f'{"it" if len(where) == 1 else "them"} from one of the splits',
            where,
        )


def _repeated(groups: list[list[Place]], name: str) -> Iterator[Finding]:
    labels = [len({it.label_of(file) for it, file in group}) for group in groups]
    where = [' = '.join(file for _, file in group) for group in groups]
    different = [it for it, number in zip(where, labels, strict=True) if number > 1]
    equal = [it for it, number in zip(where, labels, strict=True) if number == 1]
    if different:
        yield finding(
            'wrong',
            f'{counted(len(different), "image")} in {name} '
            f'{plural("is", len(different))} in several classes: keep one of each',
            different,
        )
    if equal:
        yield finding(
            'note',
            f'{counted(len(equal), "image")} in {name} {plural("is", len(equal))} '
            'there more than once, with the same content: each copy counts. Keep one',
            equal,
        )


def _similar(checks: Sequence[SplitCheck], facts: Facts) -> Iterator[Finding]:
    places = _places(checks)
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for pair in similar_images(facts):
        (first, file), (second, other) = (places[path][0] for path in pair)
        names = tuple(dict.fromkeys((first.split.name, second.split.name)))
        found[names].append(f'{file} ~ {other}')
    for names, where in found.items():
        within = len(names) == 1
        yield finding(
            'note',
            f'{counted(len(where), "pair")} of images '
            f'{"in" if within else "of"} {" and ".join(names)} '
            f'{plural("looks", len(where))} the same, but the files differ: '
            + (
                'look at them'
                if within
                else 'if they are copies, remove them from one of the splits'
            ),
            where,
        )


def _drawings(it: SplitCheck, facts: Facts) -> Iterator[tuple[str, np.ndarray]]:
    files = [file for file in it.files if facts[it.path(file)].thumbnail is not None]
    chosen = np.linspace(0, len(files) - 1, min(DRAWN, len(files))).astype(int)
    for file in (files[index] for index in chosen):
        title = f'{it.split.name}: {it.label_of(file) or Path(file).name}'
        yield title, it.draw(file)
