"""What the checks of all kinds of data share: images that are missing or damaged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from hrnet_mm.datasets.image_files import IMAGE_SUFFIXES
from hrnet_mm.messages import counted, shortened

from .findings import Finding, Summary, finding
from .image_facts import ImageFacts
from .splits import Expected, Split
from .threads import Progress

Facts = Mapping[Path, ImageFacts]


class SplitCheck(ABC):
    """The check of one split, in two steps: annotations, then images.

    Args:
        split: The split, whose annotations are read at once.
        expected: What training expects.
        progress: A function that is called with the number of files that are done, and
            that of all files.

    Attributes:
        files: The images, relative to the folder of the split.
        summary: The statistics of the annotations.
        found: The findings about the annotations alone.
    """

    def __init__(
        self, split: Split, expected: Expected, progress: Progress | None = None
    ) -> None:
        self.split = split
        self.expected = expected
        self.progress = progress
        self.files: list[str] = []
        self.summary = Summary()
        self.found: list[Finding] = []
        if not split.images.is_dir():
            self.say('stops', f'{split.name} has no folder of images: {split.images}')
            return
        self.read()
        if not self.files and not self.found:
            self.say(
                'stops',
                f'{split.name} has no image: check the folder {split.images}',
            )
        self.summary.images = len(self.files)

    @abstractmethod
    def read(self) -> None:
        """Read the annotations: set ``files``, and add to ``summary`` and ``found``."""

    @abstractmethod
    def draw(self, file: str) -> np.ndarray:
        """Draw the annotations of an image: (H, W, 3), uint8, red, green, blue."""

    def check_images(self, facts: Facts) -> Iterator[Finding]:
        """Compare the images with their annotations; by default nothing."""
        return iter(())

    def label_of(self, file: str) -> str | None:
        """Return the class of a whole image, if it has one."""
        return None

    def say(self, effect: str, message: str, places: Sequence[str] = ()) -> None:
        """Add a finding."""
        self.found.append(finding(effect, message, places))

    def say_missing(self, classes: Sequence[str]) -> None:
        """Add a finding if classes have no example."""
        missing = [name for name in classes if not self.summary.classes[name]]
        if missing:
            names, train = shortened(missing), self.split.is_train
            self.say(
                'wrong' if train else 'note',
                f'{counted(len(missing), "class", "classes")} of {len(classes)} '
                f'{plural("has", len(missing))} no example in {self.split.name} '
                f'({names}): '
                + (
                    'the model learns never to predict it. Add examples, or remove '
                    'the class from metainfo.classes and num_classes'
                    if train
                    else 'it has no score'
                ),
            )

    def path(self, file: str) -> Path:
        """Return the path of an image."""
        return self.split.images / file

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Return all findings about the split, once all images were examined."""
        yield from self.found
        yield from self._damaged(facts)
        if self.files:  # or nothing was read
            yield from self.check_images(facts)
        for file in self.files:
            if facts[self.path(file)].thumbnail is not None:
                size = facts[self.path(file)].size_as_loaded(self.expected.turns_images)
                self.summary.image_sizes.append(size)

    def _damaged(self, facts: Facts) -> Iterator[Finding]:
        name, by_reason = self.split.name, dict[str, list[str]]()
        for file in self.files:
            if reason := facts[self.path(file)].unreadable:
                kind = 'is missing' if reason == 'does not exist' else 'cannot be read'
                by_reason.setdefault(kind, []).append(f'{file} {reason}')
        for kind, places in by_reason.items():
            it = 'it' if len(places) == 1 else 'them'
            yield finding(
                'stops',
                f'{counted(len(places), "image")} of {len(self.files)} in {name} '
                f'{plural(kind, len(places))}: copy {it} again to '
                f'{self.split.images}, or remove {it} from the data',
                places,
            )
        cut = [file for file in self.files if facts[self.path(file)].is_cut_off]
        if cut:
            it = 'it' if len(cut) == 1 else 'them'
            yield finding(
                'wrong',
                f'{counted(len(cut), "image")} of {len(self.files)} in {name} '
                f'{plural("is", len(cut))} cut off or damaged: OpenCV loads the first '
                f'part, and the rest is grey. Copy {it} again',
                cut,
            )
        yield from self._turned(facts)

    def _turned(self, facts: Facts) -> Iterator[Finding]:
        # if width and height are not exchanged, no size can tell
        turned = [file for file in self.files if facts[self.path(file)].orientation > 1]
        if turned and self.expected.turns_images and self.split.annotations:
            yield finding(
                'note',
                f'{counted(len(turned), "image")} of {len(self.files)} in '
                f'{self.split.name} {plural("has", len(turned))} an EXIF orientation '
                'and are rotated when they are loaded: look at their annotations',
                turned,
            )


def plural(verb: str, number: int) -> str:
    """Return a predicate for a number of subjects: is, are; looks, look."""
    if number == 1:
        return verb
    first, *rest = verb.split(' ')
    irregular = {'is': 'are', 'has': 'have', 'does': 'do'}
    return ' '.join([irregular.get(first, first.removesuffix('s')), *rest])


def list_images(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[str]:
    """Return the images in a folder and its subfolders, relative to it, sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.name.lower().endswith(suffixes)
    )
