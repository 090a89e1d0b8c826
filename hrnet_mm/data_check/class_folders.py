"""The check of images in a folder for each class."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from hrnet_mm.messages import counted, shortened

from .base import SplitCheck, list_images, plural
from .drawing import load

# what MMPretrain reads
SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')


class FolderCheck(SplitCheck):
    """The check of a split for classification."""

    def read(self) -> None:
        """Read the names of the folders, or the file with labels."""
        self.classes = list(self.expected.classes or ())
        self._labels: dict[str, str] = {}
        if self.split.annotations:
            self._read_labels()
        else:
            self._read_folders()
        self.files = list(self._labels)
        self.summary.annotations = len(self.files)
        self.summary.classes.update(self._labels.values())
        if self.files:
            self.say_missing(self.classes)

    def _read_folders(self) -> None:
        images, name = self.split.images, self.split.name
        folders = sorted(path.name for path in images.iterdir() if path.is_dir())
        self.classes = self.classes or folders
        missing = sorted(set(self.classes) - set(folders))
        unknown = sorted(set(folders) - set(self.classes))
        if missing:
            self.say(
                'stops',
                f'{name} has no folder of {shortened(missing)} in {images}: create it '
                '(it may be empty), or correct the classes',
            )
        if unknown:
            self.say(
                'stops',
                f'{name} has a folder of {shortened(unknown)} in {images}, which '
                f'{plural("is", len(unknown))} no class: remove it, or correct the '
                'classes',
            )
        if self.classes != sorted(self.classes):
            self.say(
                'stops',
                f'the classes ({shortened(self.classes)}) are not in alphabetical '
                'order, like the folders: sort them',
            )
        self._list(folders)

    def _list(self, folders: list[str]) -> None:
        images = self.split.images
        files = self.split.files
        if files is None:
            files = tuple(
                f'{folder}/{file}'
                for folder in folders
                for file in list_images(images / folder, SUFFIXES)
            )
        self._labels = {file: PurePosixPath(file).parts[0] for file in files}
        if self.split.files is not None:
            return
        others = [
            path.relative_to(images).as_posix()
            for path in sorted(images.rglob('*'))
            if path.is_file()
            and path.name[0] != '.'
            and not path.name.lower().endswith(SUFFIXES)
        ]
        outside = [file for file in list_images(images) if '/' not in file]
        if skipped := others + outside:
            self.say(
                'skipped',
                f'{counted(len(skipped), "file")} in {self.split.name} '
                f'{plural("is", len(skipped))} no image of a class: images end in '
                f'{", ".join(SUFFIXES)} and are in the folder of their class',
                skipped,
            )

    def _read_labels(self) -> None:
        file = self.split.annotations
        assert file is not None
        if not file.is_file():
            self.say('stops', f'{self.split.name} has no file of labels: {file}')
            return
        rows = [line.rsplit(' ', 1) for line in file.read_text().splitlines() if line]
        wrong = [
            ' '.join(row)
            for row in rows
            if len(row) < 2
            or not row[1].isdecimal()
            or int(row[1]) >= (len(self.classes) or int(row[1]) + 1)
        ]
        if wrong:
            self.say(
                'stops',
                f'{counted(len(wrong), "line")} of {file} '
                f'{plural("is", len(wrong))} not a file and the index of a class',
                wrong,
            )
            return
        if not self.classes:
            number = max((int(row[1]) for row in rows), default=-1) + 1
            self.classes = [str(label) for label in range(number)]
        labels = {path: self.classes[int(label)] for path, label in rows}
        chosen = self.split.files if self.split.files is not None else tuple(labels)
        self._labels = {path: labels[path] for path in chosen}

    def label_of(self, file: str) -> str | None:
        """Return the class of an image."""
        return self._labels[file]

    def draw(self, file: str) -> np.ndarray:
        """Load the image; its class is in the title."""
        return load(self.path(file))[0]
