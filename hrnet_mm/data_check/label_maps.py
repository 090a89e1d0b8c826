"""The check of images and label maps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from hrnet_mm.datasets.image_files import open_image
from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.messages import counted, shortened
from hrnet_mm.visualization import draw_labels

from .base import Facts, SplitCheck, list_images, plural
from .drawing import load
from .findings import Finding, finding
from .splits import IGNORED
from .threads import map_files


@dataclass(frozen=True)
class LabelFacts:
    """Facts about a label map: why it is unreadable, its shape, and its values."""

    unreadable: str | None = None
    shape: tuple[int, ...] = ()
    values: frozenset[int] = frozenset()


def read_label_map(path: Path) -> np.ndarray:
    """Read a label map as it is stored: indices of a palette, one bit, or 8 or 16 bits.

    Raises:
        OSError: If Pillow cannot read the file.
    """
    with open_image(path) as image:
        return np.asarray(image)


def _examine(path: Path) -> LabelFacts:
    try:
        labels = read_label_map(path)
    except FileNotFoundError:
        return LabelFacts('does not exist')
    except (OSError, SyntaxError, ValueError) as error:
        return LabelFacts(f'cannot be read: {error}')
    if labels.ndim > 2:
        return LabelFacts(shape=labels.shape)
    if labels.dtype.kind not in 'bui' or labels.min(initial=0) < 0:
        return LabelFacts('does not hold integers from 0 to 255', labels.shape)
    values = np.flatnonzero(np.bincount(labels.ravel()))
    return LabelFacts(shape=labels.shape, values=frozenset(values.tolist()))


def other_sizes(
    check: SplitCheck, labels: Mapping[str, LabelFacts], facts: Facts
) -> Iterator[Finding]:
    """Find images that have another size than their label maps.

    Args:
        check: The check of the split.
        labels: The label map of each image.
        facts: Facts about the images.
    """
    other = []
    for file, label_map in labels.items():
        image = facts[check.path(file)]
        width, height = image.size_as_loaded(check.expected.turns_images)
        if image.thumbnail is None or not label_map.shape:
            continue
        if label_map.shape[:2] != (height, width):
            rows, columns = label_map.shape[:2]
            other.append(f'{file}: {width} x {height}, labels {columns} x {rows}')
    if other:
        yield finding(
            'stops',
            f'{counted(len(other), "image")} of {len(check.files)} in '
            f'{check.split.name} {plural("has", len(other))} another size than the '
            'label map, as they are loaded: save both in one size; remove EXIF '
            'orientations',
            other,
        )


class LabelMapCheck(SplitCheck):
    """The check of a split for segmentation."""

    def read(self) -> None:
        """Read all label maps."""
        folder = self.split.annotations
        if folder is None or not folder.is_dir():
            self.say('stops', f'{self.split.name} has no folder of labels: {folder}')
            return
        self.folder = folder
        self.files = self._list()
        paths = [folder / self._label_name(file) for file in self.files]
        facts = map_files(_examine, paths, self.progress)
        self._labels = dict(zip(self.files, facts, strict=True))
        self.summary.annotations = sum(
            not labels.unreadable for labels in self._labels.values()
        )
        self._check_files()
        self._check_values()

    def _list(self) -> list[str]:
        images, suffix = self.split.images, self.split.suffixes[0]
        if self.split.files is not None:
            return list(self.split.files)
        found = list_images(images)
        files = [file for file in found if file.endswith(suffix)]
        others = [file for file in found if not file.endswith(suffix)]
        if others:
            self.say(
                'skipped',
                f'{counted(len(others), "image")} in {self.split.name} '
                f'{plural("does", len(others))} not end in {suffix}: set img_suffix '
                'of the data set, or rename them',
                others,
            )
        return files

    def _label_name(self, file: str) -> str:
        image, label = self.split.suffixes
        stem = file.removesuffix(image or PurePosixPath(file).suffix)
        return stem + label

    def _check_files(self) -> None:
        by_reason = defaultdict(list)
        for file, facts in self._labels.items():
            if facts.unreadable:
                by_reason[facts.unreadable].append(self._label_name(file))
        for reason, names in by_reason.items():
            self.say(
                'stops',
                f'{counted(len(names), "label map")} of {len(self.files)} in '
                f'{self.split.name}: {reason}. Write it to {self.folder}, with the '
                'name of its image, or remove the image',
                names,
            )
        colours = [f for f, facts in self._labels.items() if len(facts.shape) > 2]
        if colours:
            self.say(
                'stops',
                f'{counted(len(colours), "label map")} of {len(self.files)} in '
                f'{self.split.name} {plural("has", len(colours))} colours: save the '
                'index of a class for each pixel',
                [self._label_name(file) for file in colours],
            )

    def _check_values(self) -> None:
        rules, classes = self.expected.labels, self.expected.classes
        files = defaultdict(list)
        for file, facts in self._labels.items():
            for value in facts.values:
                files[value].append(file)
        if not files:
            return
        if rules.values is None and {*files} == {0, IGNORED} <= {0, *rules.ignored}:
            self.say(
                'stops',
                f'the label maps of {self.split.name} hold 0 and {IGNORED} only, but '
                f'{IGNORED} is ignored, so that one class is left: set label_values='
                f'(0, {IGNORED}) of hrnet_mm.LabelMaps',
                [self._label_name(file) for file in files[IGNORED]],
            )
            return
        if classes is None:
            classes = [str(value) for value in sorted({*files} - rules.ignored)]
            values: tuple[int, ...] = tuple(map(int, classes))
        else:
            values = rules.values or tuple(range(len(classes)))
        self._index = {value: index for index, value in enumerate(values)}
        self._names = list(classes)
        for value, index in self._index.items():
            self.summary.classes[classes[index]] += len(files[value])
        self._check_unknown(files, values)
        self.say_missing(classes)

    def _check_unknown(
        self, files: dict[int, list[str]], values: tuple[int, ...]
    ) -> None:
        known = {*values, *self.expected.labels.ignored}
        unknown = sorted(
            value for value, found in files.items() if found and value not in known
        )
        if not unknown:
            return
        where = dict.fromkeys(file for value in unknown for file in files[value])
        self.say(
            'stops',
            f'{counted(len(where), "label map")} of {len(self.files)} in '
            f'{self.split.name} {plural("has", len(where))} the values '
            f'{shortened([*map(str, unknown)])}, which are no class: the '
            f'{counted(len(values), "class", "classes")} '
            f'{plural("has", len(values))} {shortened([*map(str, values)])}. Correct '
            'the files, add the class, or set label_values, reduce_zero_label or '
            'ignore_index of the data set',
            [self._label_name(file) for file in where],
        )

    def check_images(self, facts: Facts) -> Iterator[Finding]:
        """Compare the sizes of images and label maps."""
        yield from other_sizes(self, getattr(self, '_labels', {}), facts)

    def draw(self, file: str) -> np.ndarray:
        """Draw the label map in colours over the grey image."""
        image, _ = load(self.path(file))
        facts = self._labels[file]
        if facts.unreadable or len(facts.shape) > 2 or not hasattr(self, '_index'):
            return image
        labels = read_label_map(self.folder / self._label_name(file)).astype(int)
        table = np.full(max(256, labels.max() + 1), IGNORED)
        for value, index in self._index.items():
            table[value] = index
        height, width = image.shape[:2]
        rows = np.arange(height) * labels.shape[0] // height
        columns = np.arange(width) * labels.shape[1] // width
        small = table[labels[rows[:, None], columns]]
        palette = complete_palette(None, len(self._names))
        drawn = draw_labels(np.ascontiguousarray(image[..., ::-1]), small, palette)
        return (drawn * 255).astype(np.uint8)
