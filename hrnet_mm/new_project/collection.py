"""Images with annotations, as all readers of this package return them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hrnet_mm.datasets.annotations import AnnotationError
from hrnet_mm.datasets.image_files import size_as_loaded
from hrnet_mm.datasets.outlines import outline_area
from hrnet_mm.messages import shortened

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
Points = dict[str, tuple[float, float, int]]
"""Labelled keypoints by name: x, y in pixels and COCO's visibility (1 or 2)."""


class FormatError(ValueError):
    """An error for files that cannot be read without losing or guessing something."""


# what readers raise at contents that they do not expect
MALFORMED = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError,
    StopIteration, TypeError, ValueError,
)  # fmt: skip


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Name the file in errors of a reader that do not name it.

    Args:
        path: The file or folder that is read.
        kind: Its format.

    Raises:
        FormatError: In place of an error of Python about the content.
    """
    try:
        yield
    except (FormatError, AnnotationError):
        raise
    except MALFORMED as error:
        reason = f'{type(error).__name__}: {error}'
        raise FormatError(f'{path} is not as {kind} writes it: {reason}') from error


class ImageFiles:
    """The images below a folder.

    Args:
        folder: The folder; its subfolders are searched, too.

    Raises:
        FormatError: If there is no image.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = list_images(folder)
        if not self.names:
            raise FormatError(f'{folder} has no image ({", ".join(SUFFIXES)})')
        self._known = set(self.names)
        self._by_file: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in self.names:
            self._by_file.setdefault(Path(name).name, []).append(name)
            self._by_stem.setdefault(Path(name).stem, []).append(name)

    def find(self, name: str) -> str | None:
        """Return the image with a name as annotation files write it, or None.

        Args:
            name: A path, of which the folders may have another beginning, or the name
                of the file without its suffix.

        Raises:
            FormatError: If several images have this name.
        """
        name = name.replace('\\', '/')
        if name in self._known:
            return name
        file = name.rsplit('/', 1)[-1]
        found = self._by_file.get(file) or self._by_stem.get(file) or []
        ends = [it for it in found if name.endswith(it) or it.endswith(name)]
        found = ends or found
        if len(found) > 1:
            raise FormatError(
                f'image {name} is not unique below {self.folder}: {shortened(found)}. '
                'Name the folder that has only the images of these annotations'
            )
        return found[0] if found else None

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height of an image as OpenCV loads it (with EXIF)."""
        return read_size(self.folder / name)


def list_images(folder: Path) -> list[str]:
    """Return the sorted paths of the images below a folder, relative to it."""
    paths = (path for path in folder.rglob('*') if path.suffix.lower() in SUFFIXES)
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def read_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image as OpenCV loads it (with EXIF).

    Raises:
        FormatError: If it is not an image.
    """
    try:
        return size_as_loaded(path)
    except OSError as error:
        raise FormatError(f'image {path} cannot be read: {error}') from None


def read_numbers(values: Iterable[Any], where: str) -> list[float]:
    """Return values, which may be strings, as finite numbers.

    Args:
        values: The values.
        where: The file and the shape, for the message.

    Raises:
        FormatError: If a value is not a finite number.
    """
    given = [*values]
    try:
        numbers = [float(value) for value in given]
    except (TypeError, ValueError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        shown = shortened([*map(str, given)])[:100]
        raise FormatError(f'{where} has {shown}: expected finite numbers')
    return numbers


def check_names(names: Sequence[Any], kind: str, source: Path | str) -> None:
    """Check that names are different texts.

    Args:
        names: The names.
        kind: What they are names of, in the plural.
        source: The file or option, for the message.

    Raises:
        FormatError: If a name is empty, is not a text, or is there twice.
    """
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise FormatError(
            f'{source} has {kind} with the name {wrong[0]!r}: each needs a text that '
            'is not empty'
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise FormatError(
            f'{source} has several {kind} with the name {shortened(twice)}: give each '
            'its own'
        )


class Collection:
    """Images with annotations in the form of COCO; the readers fill it.

    Args:
        files: The image files.
        source: The annotation file or folder, for messages.

    Attributes:
        images: Entries of COCO's ``images``; ``file_name`` is relative to the folder.
        annotations: Entries of COCO's ``annotations``.
        categories: Entries of COCO's ``categories``, by name.
        swaps: For each keypoint its mirrored one, if the format states that.
        labels: Names of the classes of whole images, by image id.
        notes: How many entries were read in another way than written, or not at all,
            by the reason.
    """

    def __init__(self, files: ImageFiles, source: Path) -> None:
        self.files = files
        self.source = source
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.categories: dict[str, dict[str, Any]] = {}
        self.swaps: dict[str, str] = {}
        self.labels: dict[int, list[str]] = {}
        self.notes: Counter[str] = Counter()
        self._listed: dict[str, str] = {}
        self._missing: list[str] = []

    @property
    def keypoints(self) -> list[str]:
        """Names of the keypoints; all categories that have any have the same.

        Raises:
            FormatError: If they have different ones.
        """
        kinds = {
            tuple(category['keypoints']): name
            for name, category in self.categories.items()
            if category.get('keypoints')
        }
        if len(kinds) > 1:
            names = ', '.join(f'{n} has {len(k)}' for k, n in [*kinds.items()][:4])
            raise FormatError(
                f'the categories of {self.source} have different keypoints ({names}): '
                'train one model for each, from an export of its category only'
            )
        return [*next(iter(kinds), ())]

    def add_image(
        self, name: str, size: tuple[int, int] | None = None
    ) -> dict[str, Any] | None:
        """Add an image and return its entry, or None if there is no such file.

        Args:
            name: The name in the annotations.
            size: Width and height in the annotations, if they have it.

        Raises:
            FormatError: If the file has another size, or is annotated twice.
        """
        file = self.files.find(name)
        if file is None:
            self._missing.append(name)
            return None
        if file in self._listed:
            raise FormatError(
                f'{self.source} has two entries for image {file}: '
                f'{self._listed[file]} and {name}. Remove one of them'
            )
        self._listed[file] = name
        width, height = found = self.files.size(file)
        if size and all(size) and size != found:
            raise FormatError(
                f'image {file} is {width} x {height} (width x height), and '
                f'{size[0]} x {size[1]} in {self.source}: it was resized or rotated '
                'after it was annotated. Use the image that was annotated'
            )
        number = len(self.images) + 1
        entry = dict(id=number, file_name=file, width=width, height=height)
        self.images.append(entry)
        return entry

    def add_category(
        self,
        name: str,
        keypoints: Sequence[str] = (),
        skeleton: Sequence[tuple[int, int]] = (),
    ) -> dict[str, Any]:
        """Return the entry of a category; the first call creates it.

        Args:
            name: Its name.
            keypoints: Names of the keypoints, in their order.
            skeleton: Pairs of keypoint numbers, from 1.
        """
        category = self.categories.setdefault(
            name, dict(id=len(self.categories) + 1, name=name)
        )
        if keypoints:
            category['keypoints'] = [*keypoints]
            category['skeleton'] = [[*link] for link in skeleton]
        return category

    def add_object(
        self,
        image: Mapping[str, Any],
        category: str,
        box: Sequence[float] | None = None,
        outline: Any = None,
        points: Points | None = None,
        crowd: bool = False,
    ) -> None:
        """Add an object.

        Args:
            image: The entry of its image.
            category: The name of its category.
            box: x, y, width, height in pixels; by default the extent of the outline, or
                of the keypoints.
            outline: Polygons or run lengths, as in COCO.
            points: The labelled keypoints. A name that the category does not have yet
                is appended to its keypoints.
            crowd: Whether losses and scores ignore the object.
        """
        entry = self.add_category(category)
        if points:
            known = entry.setdefault('keypoints', [])
            entry.setdefault('skeleton', [])
            known += [name for name in points if name not in known]
        annotation = dict(
            id=len(self.annotations) + 1,
            image_id=image['id'],
            category_id=entry['id'],
            iscrowd=int(crowd),
            points=points or {},
        )
        if outline is not None:
            annotation['segmentation'] = outline
        if box is not None:
            annotation['bbox'] = [float(value) for value in box]
        elif outline is None and points:
            self._box_from_points(annotation, points)
            if 'bbox' not in annotation:
                return
        self.annotations.append(annotation)

    def _box_from_points(self, annotation: dict[str, Any], points: Points) -> None:
        xs, ys, _ = zip(*points.values(), strict=True)
        box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        if min(box[2:]) <= 0:
            self.notes['objects without a box and an extent: left out'] += 1
            return
        self.notes['objects without a box: it is the extent of their keypoints'] += 1
        annotation['bbox'] = box

    def add_areas(self) -> None:
        """Add missing areas: of the outline, or else of the box, which all need."""
        sizes = {it['id']: (it['width'], it['height']) for it in self.images}
        for it in self.annotations:
            if not it.get('area'):
                outline = it.get('segmentation')
                area = outline_area(outline, sizes[it['image_id']]) if outline else 0
                it['area'] = area or it['bbox'][2] * it['bbox'][3]

    def _check_categories(self) -> None:
        check_names([*self.categories], 'classes', self.source)
        tags = {name for names in self.labels.values() for name in names}
        check_names([*tags], 'tags', self.source)
        for name, category in self.categories.items():
            names = category.get('keypoints') or []
            if not isinstance(names, list):
                raise FormatError(
                    f'{self.source}: the keypoints of {name} are {names!r}, not a list'
                )
            check_names(names, f'keypoints of {name}', self.source)
            for link in category.get('skeleton') or () if names else ():
                if not _is_link(link, len(names)):
                    raise FormatError(
                        f'{self.source}: the skeleton of {name} has the link {link!r}; '
                        f'expected pairs of keypoint numbers from 1 to {len(names)}'
                    )

    def finish(self) -> Collection:
        """Check images and names, and write keypoints in their order.

        Raises:
            FormatError: If an image is missing, no image is listed, or a class or a
                keypoint has no name of its own.
        """
        self._check_categories()
        if self._missing:
            total = len(self._missing) + len(self.images)
            raise FormatError(
                f'{len(self._missing)} of {total} images of {self.source} are not '
                f'below {self.files.folder}: {shortened(self._missing)}. Set --images '
                'to their folder, or remove them from the annotations'
            )
        if not self.images:
            raise FormatError(f'{self.source} lists no image')
        spare = len(self.files.names) - len(self.images)
        if spare:
            self.notes['image files without an entry in the annotations: unused'] += (
                spare
            )
        orders = {c['id']: c.get('keypoints') for c in self.categories.values()}
        for annotation in self.annotations:
            points = annotation.pop('points', None)
            order = orders[annotation['category_id']]
            if points is not None and order:
                triples = [points.get(name, (0, 0, 0)) for name in order]
                annotation['keypoints'] = [value for it in triples for value in it]
                annotation['num_keypoints'] = len(points)
        return self

    def content(self) -> dict[str, Any]:
        """Return the content of a COCO annotation file."""
        return dict(
            images=self.images,
            annotations=self.annotations,
            categories=[*self.categories.values()],
        )


def _is_link(link: Any, number: int) -> bool:
    return (
        isinstance(link, (list, tuple))
        and len(link) == 2
        and all(type(end) is int and 1 <= end <= number for end in link)
    )
