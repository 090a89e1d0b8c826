"""The check of images with panoptic label maps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from hrnet_mm.messages import counted, shortened

from .base import Facts, plural
from .coco import CocoCheck
from .findings import Finding
from .label_maps import LabelFacts, other_sizes
from .threads import map_files


class PanopticCheck(CocoCheck):
    """The check of a split for panoptic segmentation: segments and label maps."""

    def read(self) -> None:
        """Read the file, and all label maps."""
        super().read()
        named = {
            it['file_name']: it['label_map']
            for it in self.images.values()
            if 'label_map' in it
        }
        facts = map_files(self._examine, [*named.values()], self.progress)
        self._maps = dict(zip(named, facts, strict=True))
        self._names = named
        self._check_unreadable()
        self._check_ids()

    def _examine(self, name: str) -> LabelFacts:
        assert self.split.read_map is not None
        try:
            ids = self.split.read_map(name)
        except FileNotFoundError:
            return LabelFacts('does not exist')
        except (OSError, ValueError, cv2.error):
            return LabelFacts('cannot be read')
        return LabelFacts(shape=ids.shape, values=frozenset(np.unique(ids).tolist()))

    def _check_unreadable(self) -> None:
        by_reason = defaultdict(list)
        for file, facts in self._maps.items():
            if facts.unreadable:
                by_reason[facts.unreadable].append(self._names[file])
        for reason, names in by_reason.items():
            self.say(
                'stops',
                f'{self._of_all(names)} {plural(reason, len(names))}: the folder is '
                'data_prefix.seg, the name the file_name of the annotations',
                names,
            )

    def _check_ids(self) -> None:
        unlisted: list[str] = []
        absent: list[str] = []
        for file, facts in self._maps.items():
            if facts.unreadable:
                continue
            listed = {it['segment_id'] for it in self._of_file.get(file, ())}
            for ids, places in (
                (facts.values - listed - {0}, unlisted),
                (listed - facts.values, absent),
            ):
                if ids:
                    few = shortened([*map(str, sorted(ids))])
                    places.append(f'{self._names[file]}: {few}')
        if unlisted:
            self.say(
                'stops',
                f'{self._of_all(unlisted)} {plural("has", len(unlisted))} pixels of '
                'ids that the annotation file does not list: add the segments to '
                'segments_info, or set their pixels to 0, which means no label',
                unlisted,
            )
        if absent:
            self.say(
                'wrong' if self.split.is_train else 'stops',
                f'{self._of_all(absent)} {plural("has", len(absent))} no pixel of '
                'segments that the annotation file lists: remove the segments, or '
                'write the label maps again',
                absent,
            )

    def _of_all(self, some: list[str]) -> str:
        return (
            f'{counted(len(some), "label map")} of {len(self._maps)} in '
            f'{self.split.name}'
        )

    def check_images(self, facts: Facts) -> Iterator[Finding]:
        """Compare the sizes of images, label maps and annotations."""
        yield from super().check_images(facts)
        yield from other_sizes(self, self._maps, facts)
