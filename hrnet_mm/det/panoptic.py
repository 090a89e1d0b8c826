"""Label maps of segments, and panoptic quality (Kirillov et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
from mmengine.fileio import get

from hrnet_mm.messages import shortened

VOID = 0  # the id of pixels without a label
NO_LABEL = 255  # their class
MATCH = 0.5  # smallest IoU of a match; at most one segment is above it


def segment_ids(colours: np.ndarray) -> np.ndarray:
    """Return the ids, (H, W), of a panoptic label map, (H, W, 3), in RGB order."""
    return colours.astype(np.int64) @ [1, 1 << 8, 1 << 16]


def segment_colours(ids: np.ndarray) -> np.ndarray:
    """Return a panoptic label map, (H, W, 3), RGB, of ids, (H, W)."""
    return np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)


def read_segment_ids(
    path: str,
    shape: tuple[int, int] | None = None,
    backend_args: dict[str, Any] | None = None,
) -> np.ndarray:
    """Read a panoptic label map.

    Args:
        path: Its path.
        shape: The height and width of its image; None for any.
        backend_args: Arguments of mmengine's file backend.

    Returns:
        The ids of the segments, (H, W).

    Raises:
        ValueError: If the label map has another size.
    """
    content = get(path, backend_args=backend_args)
    ids = segment_ids(mmcv.imfrombytes(content, channel_order='rgb'))
    if shape is not None and ids.shape != tuple(shape):
        raise ValueError(
            f'the label map {path} is {ids.shape} pixels high and wide, its image '
            f'{tuple(shape)}: it belongs to another image, or one was resized'
        )
    return ids


def load_segment_ids(
    sample: Mapping[str, Any], backend_args: dict[str, Any] | None = None
) -> np.ndarray:
    """Read and check the panoptic label map of a sample.

    Args:
        sample: ``seg_map_path``, ``ori_shape``, ``segments_info``, and, if the data set
            left any out, ``unlabelled``: the ids of segments without a label.
        backend_args: Arguments of mmengine's file backend.

    Returns:
        The ids of the segments, (H, W).

    Raises:
        ValueError: If the label map has another size than the image. If all pixels have
            other ids than those of the sample: a grey picture, one with a palette, or
            one in another order of its channels. If an id is not that of a segment;
            one of 64 pixels is looked at.
    """
    path = sample['seg_map_path']
    ids = read_segment_ids(path, sample['ori_shape'], backend_args)
    known = [it['id'] for it in sample['segments_info']]
    _check_segments(ids, [*known, *sample.get('unlabelled', ())], path)
    return ids


def _check_segments(ids: np.ndarray, segments: Collection[int], path: str) -> None:
    known = [*segments]
    few = ids[::8, ::8]  # a look at all pixels takes longer than to read them
    inside = np.isin(few, known)
    if known and not inside.any() and not np.isin(ids, known).any():
        raise ValueError(
            f'{path} has no pixel of the segments {sorted(known)[:5]} of the '
            f'annotations, but {np.unique(few).tolist()[:5]}. An id is red + 256 * '
            'green + 65536 * blue of a pixel: write it as a PNG file in RGB, not in '
            'grey or with a palette'
        )
    check_listed(np.unique(few[~inside]).tolist(), known, path)


def check_listed(found: Collection[int], segments: Collection[int], path: str) -> None:
    """Check that the annotations list the ids of a label map.

    Args:
        found: Ids of the label map.
        segments: The ids of the annotations.
        path: The path of the label map, for the message.

    Raises:
        ValueError: If there is another id; 0 is that of pixels without a label.
    """
    unlisted = sorted({*found} - {*segments, VOID})
    if unlisted:
        raise ValueError(
            f'{path} has pixels of the ids {shortened([*map(str, unlisted)])}, which '
            'the annotations do not list: add the segments to segments_info, or set '
            f'their pixels to {VOID}, which means no label'
        )


class PanopticQuality:
    """Matched, missed and false segments of each category.

    Segments match if they have the same category and an IoU above 0.5. Pixels without a
    label do not count, and a found segment is not false if more than half of it has no
    label or lies in a crowd of its category. Equal to panopticapi's ``evaluation.py``.

    Args:
        categories: The number of categories, C.

    Attributes:
        counts: Shape (4, C): the sum of the IoU of matches, and the numbers of matches,
            of missed and of false segments.
    """

    def __init__(self, categories: int) -> None:
        self.counts = np.zeros((4, categories))

    def add(
        self,
        found: np.ndarray,
        found_categories: Mapping[int, int],
        true: np.ndarray,
        true_categories: Mapping[int, int],
        crowds: Collection[int] = (),
    ) -> None:
        """Add the segments of an image.

        Args:
            found: The id of the segment at each pixel, (H, W); 0 for none.
            found_categories: The category of each id in ``found``, 0 to C - 1.
            true: As ``found``, for the truth.
            true_categories: As ``found_categories``, for the truth.
            crowds: Ids of the truth that are crowds.
        """
        shared = _count_pairs(true, found)
        labelled = {it: c for it, c in true_categories.items() if it not in crowds}
        # of several crowds of a category, panopticapi reads the last
        crowd_of = {c: it for it, c in true_categories.items() if it in crowds}
        matches = {
            pair: iou
            for pair, iou in _overlaps(shared).items()
            if iou > MATCH and labelled.get(pair[0]) == found_categories[pair[1]]
        }
        hits = {segment for _, segment in matches}
        for (truth, _), iou in matches.items():
            self.counts[:2, labelled.pop(truth)] += iou, 1
        for category in labelled.values():
            self.counts[2, category] += 1
        areas = _areas(shared, 1)
        for segment, category in found_categories.items():
            ignored = {VOID, crowd_of.get(category, VOID)}
            pixels = sum(shared.get((it, segment), 0) for it in ignored)
            if segment not in hits and pixels <= areas[segment] / 2:
                self.counts[3, category] += 1

    def scores(self, categories: Sequence[int] | None = None) -> dict[str, float]:
        """Return PQ, SQ and RQ in percent: means of the categories that occur.

        Args:
            categories: The categories to average; None for all.
        """
        counts = self.counts if categories is None else self.counts[:, [*categories]]
        iou, matched, missed, false = counts[:, counts[1:].any(axis=0)]
        if not len(iou):
            return dict(PQ=0.0, SQ=0.0, RQ=0.0)
        segments = matched + (missed + false) / 2
        quality = dict(
            PQ=iou / segments, SQ=iou / np.maximum(matched, 1), RQ=matched / segments
        )
        return {name: 100 * float(values.mean()) for name, values in quality.items()}


def _count_pairs(true: np.ndarray, found: np.ndarray) -> dict[tuple[int, int], int]:
    # pixels of each pair of ids
    pairs = true.astype(np.int64) << 32 | found.astype(np.int64)
    ids, pixels = np.unique(pairs, return_counts=True)
    both = zip((ids >> 32).tolist(), (ids & (1 << 32) - 1).tolist(), strict=True)
    return dict(zip(both, pixels.tolist(), strict=True))


def _overlaps(shared: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], float]:
    # the IoU of each pair of segments, without the pixels that have no label
    true, found = _areas(shared, 0), _areas(shared, 1)
    return {
        (a, b): pixels / (true[a] + found[b] - pixels - shared.get((VOID, b), 0))
        for (a, b), pixels in shared.items()
        if VOID not in (a, b)
    }


def _areas(shared: Mapping[tuple[int, int], int], side: int) -> dict[int, int]:
    areas: dict[int, int] = {}
    for ids, pixels in shared.items():
        areas[ids[side]] = areas.get(ids[side], 0) + pixels
    return areas
