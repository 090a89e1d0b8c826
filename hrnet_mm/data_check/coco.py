"""The check of images with a COCO annotation file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from hrnet_mm.datasets.annotations import NO_IMAGE, AnnotationError, read_annotations
from hrnet_mm.datasets.coco_rules import (
    check_classes,
    why_object_skipped,
    why_person_skipped,
)
from hrnet_mm.messages import counted, shortened
from hrnet_mm.visualization import Skeleton, draw_boxes, draw_skeleton

from .base import Facts, SplitCheck, plural
from .drawing import load
from .findings import Finding, finding
from .sides import exchanged_sides, side_name
from .splits import Keypoints

OUTSIDE = 0.1  # of the longer side of a box
FAR = 0.25  # of the longer side of a box; annotators place hidden keypoints near it
RARE = 0.01  # of the annotations; less is a slip of an annotator

Item = dict[str, Any]


class CocoCheck(SplitCheck):
    """The check of a split for pose or detection."""

    def read(self) -> None:
        """Read the file, and check all annotations."""
        self.images: dict[int, Item] = {}
        self.annotations: list[Item] = []
        file = self.split.annotations
        if file is None or not file.exists():
            self.say('stops', f'{self.split.name} has no annotation file: {file}')
            return
        try:
            read = read_annotations(
                str(file), str(self.split.images), reader=self.split.reader
            )
        except AnnotationError as error:
            self.say('stops', f'{self.split.name}: {error}')
            return
        self.file = str(file)
        for warning in read.warnings:
            self.say('wrong', f'{self.split.name}: {warning}')
        if times := read.changes.pop(NO_IMAGE, 0):
            what = f'{self.split.name}: {NO_IMAGE} ({times})'
            self.say('skipped', what, read.unknown_images)
        if read.changes:
            changes = '; '.join(f'{it} ({times})' for it, times in read.changes.items())
            self.say('note', f'{self.split.name} is read with changes: {changes}')
        self.categories = {it['id']: it for it in read.content['categories']}
        self._select(read.content)
        self.keypoints = self._find_keypoints()
        self._check_categories()
        self._check_annotations()

    def _select(self, content: Mapping[str, Any]) -> None:
        chosen = self.split.files and {*self.split.files}
        for image in content['images']:
            if chosen is None or image['file_name'] in chosen:
                self.images[image['id']] = image
        self.files = [image['file_name'] for image in self.images.values()]
        self._of_file: dict[str, list[Item]] = defaultdict(list)
        for annotation in content['annotations']:
            if image := self.images.get(annotation['image_id']):
                if self.split.reads:
                    annotation = self.split.reads(annotation)
                self.annotations.append(annotation)
                self._of_file[image['file_name']].append(annotation)

    def _find_keypoints(self) -> Keypoints | None:
        if self.expected.task != 'pose':
            return None
        named = [c for c in self.categories.values() if c.get('keypoints')]
        stored = Keypoints.from_category(named[0]) if named else None
        wanted = self.expected.keypoints
        if stored and wanted:
            a, b = ([side_name(n) for n in k.names] for k in (stored, wanted))
            if a != b and sorted(a) == sorted(b):
                self.say(
                    'wrong',
                    f'the keypoints of {self.split.name} have another order '
                    f'({shortened(stored.names)}) than those of the config '
                    f'({shortened(wanted.names)}): correct the metainfo, or reorder '
                    'the annotations',
                )
        return wanted or stored

    def _check_categories(self) -> None:
        names = {key: str(it['name']) for key, it in self.categories.items()}
        classes = list(self.expected.classes or names.values())
        self._used = {key for key, name in names.items() if name in classes}
        if self.expected.task == 'detection':
            try:
                check_classes(classes, names, self.file)
            except ValueError as error:
                self.say('stops', f'{self.split.name}: {error}')
        for annotation in self.annotations:
            if annotation['category_id'] in self._used and not annotation['iscrowd']:
                self.summary.classes[names[annotation['category_id']]] += 1
        # a pose model has no classes, and MMPose reads all categories
        if self.expected.task == 'detection':
            self.say_missing([name for name in classes if name in names.values()])

    def _check_annotations(self) -> None:
        self.summary.annotations = len(self.annotations)
        self._check_skipped()
        self._check_empty()
        self._check_boxes()
        if self.expected.anchors and self.expected.task == 'detection':
            self._check_anchors()
        if self.expected.task == 'pose':
            self._check_keypoints()

    def _check_skipped(self) -> None:
        by_reason = defaultdict(list)
        self.trained = []
        for annotation in self.annotations:
            if self.expected.task == 'detection' and 'bbox' not in annotation:
                by_reason['without a box'].append(self.place(annotation))
            elif reason := self._why_skipped(annotation):
                by_reason[reason].append(self.place(annotation))
            else:
                self.trained.append(annotation)
        for reason, places in by_reason.items():
            stops = self.expected.task == 'detection' and reason == 'without a box'
            self.say(
                'stops' if stops else 'skipped',
                f'{self.of_all(places)} {plural("is", len(places))} {reason}',
                places,
            )
        if self.annotations and not self.trained:
            self.say('stops', f'{self.split.name} has no annotation to train on')

    def _why_skipped(self, annotation: Item) -> str | None:
        if self.expected.task == 'pose':
            return why_person_skipped(annotation)
        names = {key: it['name'] for key, it in self.categories.items()}
        image = self.images[annotation['image_id']]
        masks = self.expected.masks
        return why_object_skipped(annotation, image, names, self._used, masks)

    def _check_empty(self) -> None:
        empty = [file for file in self.files if not self._of_file.get(file)]
        if empty:
            self.say(
                'skipped',
                f'{counted(len(empty), "image")} of {len(self.files)} in '
                f'{self.split.name} {plural("has", len(empty))} no annotation',
                empty,
            )

    def _check_boxes(self) -> None:
        away, leaving = [], []
        for annotation in self.trained:
            x, y, width, height = annotation['bbox']
            self.summary.box_sizes.append(max(width * height, 0) ** 0.5)
            image = self.images[annotation['image_id']]
            right, bottom = x + width - image['width'], y + height - image['height']
            beyond = max(-x, -y, right, bottom)
            middle_x, middle_y = x + width / 2, y + height / 2
            inside_x = 0 <= middle_x <= image['width']
            if not (inside_x and 0 <= middle_y <= image['height']):
                away.append(self.place(annotation))
            elif beyond > max(2, OUTSIDE * max(width, height)):
                leaving.append(self.place(annotation))
        if away:
            self.say(
                'wrong',
                f'{self.of_all(away)} {plural("has", len(away))} a box outside the '
                'image: correct it; bbox is x, y, width, height in pixels',
                away,
            )
        if leaving:
            self.say(
                'note',
                f'{self.of_all(leaving)} {plural("has", len(leaving))} a box that '
                'leaves the image',
                leaving,
            )

    def _check_anchors(self) -> None:
        anchors = self.expected.anchors
        assert anchors is not None
        smaller, unmatched = [], []
        for annotation in self.trained:
            image = self.images[annotation['image_id']]
            factor = anchors.enlargement(image['width'], image['height'])
            _, _, width, height = annotation['bbox']
            share = width * height * factor**2 / anchors.smallest**2
            if share < 1:
                smaller.append(self.place(annotation))
            if share < anchors.overlap:
                unmatched.append(self.place(annotation))
        if smaller:
            self.say(
                'skipped' if unmatched else 'note',
                f'{self.of_all(smaller)} {plural("is", len(smaller))} smaller than the '
                f'smallest anchor ({anchors.smallest:g} x {anchors.smallest:g} pixels '
                f'of the resized image), {len(unmatched)} so much that no anchor '
                'matches: resize the images to a larger scale, or set smaller scales '
                'of the anchor_generator (model.rpn_head, or bbox_head of RetinaNet)',
                unmatched or smaller,
            )

    def _check_keypoints(self) -> None:
        names = self.keypoints.names if self.keypoints else ()
        labelled = [it for it in self.trained if it.get('keypoints')]
        number = len(names) or (len(labelled[0]['keypoints']) // 3 if labelled else 0)
        other = [it for it in labelled if len(it['keypoints']) != 3 * number]
        if other:
            self.say(
                'stops',
                f'{self.of_all(other)} {plural("does", len(other))} not have the '
                f'{number} keypoints of the metainfo ({shortened(names)}): set '
                'metainfo of the data set and out_channels of the head',
                [self.place(it) for it in other],
            )
        same = [it for it in labelled if len(it['keypoints']) == 3 * number]
        if not same or not number:
            return
        points = np.array([it['keypoints'] for it in same], float)
        points = points.reshape(len(same), number, 3)
        for name, count in zip(
            names, (points[..., 2] > 0).sum(axis=0).tolist(), strict=False
        ):
            self.summary.keypoints[name] = count
        self._check_outside(same, points)
        places = [self.place(it) for it in same]
        self.found += exchanged_sides(names, points, places, self.split.name)

    def _check_outside(self, people: Sequence[Item], points: np.ndarray) -> None:
        boxes = np.array([it['bbox'] for it in people], float)
        low, size = boxes[:, None, :2], boxes[:, None, 2:]
        beyond = np.maximum(low - points[..., :2], points[..., :2] - low - size)
        seen = points[..., 2] > 0
        far = seen & (beyond.max(axis=2) > FAR * size.max(axis=2))
        number = far.sum(axis=1)
        mixed = number > seen.sum(axis=1) / 2  # the box is that of something else
        places = [
            f'{self.place(person)} ({counted(int(count), "keypoint")})'
            for person, count in zip(people, number, strict=True)
            if count
        ]
        if places:
            self.say(
                'wrong' if mixed.sum() > RARE * len(people) else 'note',
                f'{self.of_all(places)} {plural("has", len(places))} keypoints far '
                f'outside the box{_most(int(mixed.sum()))}: the crop of a top-down '
                'model lacks them. Correct the box or the keypoints; bbox is x, y, '
                'width, height in pixels',
                places,
            )

    def check_images(self, facts: Facts) -> Iterator[Finding]:
        """Compare the sizes of the images with those in the file."""
        places, turned = [], 0
        for image in self.images.values():
            found = facts[self.path(image['file_name'])]
            if found.thumbnail is None:
                continue
            listed = (image['width'], image['height'])
            loaded = found.size_as_loaded(self.expected.turns_images)
            if loaded != listed:
                places.append(
                    f'{image["file_name"]}: {loaded[0]} x {loaded[1]}, listed as '
                    f'{listed[0]} x {listed[1]}'
                )
                turned += found.size == listed
        if places:
            reason = (
                f'an EXIF orientation rotates {turned} of them. If the annotations '
                "belong to the stored images, set color_type='color_ignore_orientation'"
                ' in every pipeline'
                if turned
                else 'they were resized or rotated after the annotation. Scale the '
                'annotations with them'
            )
            yield finding(
                'stops',
                f'{counted(len(places), "image")} of {len(self.files)} in '
                f'{self.split.name} {plural("has", len(places))} another size than in '
                f'the annotation file, as they are loaded: {reason}',
                places,
            )

    def place(self, annotation: Item) -> str:
        """Return the name of an annotation in the report."""
        file = self.images[annotation['image_id']]['file_name']
        return f'annotation {annotation["id"]} of {file}'

    def of_all(self, some: Sequence[Any]) -> str:
        """Format how many annotations of the split are affected."""
        return (
            f'{counted(len(some), "annotation")} of {len(self.annotations)} in '
            f'{self.split.name}'
        )

    def draw(self, file: str) -> np.ndarray:
        """Draw outlines, boxes and keypoints."""
        image, zoom = load(self.path(file))
        canvas = np.ascontiguousarray(image[..., ::-1])
        for annotation in self._of_file[file]:
            outline = annotation.get('segmentation')
            if isinstance(outline, list) and self.expected.task == 'detection':
                parts = [np.reshape(part, (-1, 2)) * zoom for part in outline]
                cv2.polylines(
                    canvas, [p.round().astype(int) for p in parts], True, (0, 200, 255)
                )
            if 'bbox' in annotation:
                x, y, width, height = annotation['bbox']
                box = np.array([[x, y, x + width, y + height]]) * zoom
                canvas = draw_boxes(canvas, box, (80, 220, 80))
            if self.keypoints and annotation.get('keypoints'):
                self._draw_keypoints(canvas, annotation['keypoints'], zoom)
        return canvas[..., ::-1]

    def _draw_keypoints(self, canvas: np.ndarray, points: list, zoom: float) -> None:
        assert self.keypoints is not None
        triples = np.reshape(points, (-1, 3)).astype(float)
        if len(triples) == len(self.keypoints.names):
            names = [side_name(name) for name in self.keypoints.names]
            skeleton = Skeleton(names, self.keypoints.links)
            draw_skeleton(canvas, triples, zoom, skeleton)


def _most(number: int) -> str:
    if not number:
        return ''
    return f' (most of the keypoints in {counted(number, "annotation")})'
