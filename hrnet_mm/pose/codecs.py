"""What HigherHRNet learns, and people from what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.registry import Registry
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS
from torch import Tensor

from . import grouping

KEYPOINT_CODECS = Registry('KEYPOINT_CODECS', parent=MMPOSE_CODECS, scope='hrnet_mm')


@KEYPOINT_CODECS.register_module()
class AssociativeEmbedding(BaseKeypointCodec):
    """Heatmaps at several resolutions, and where joints are for the tags.

    mmpose's codec of this name has one resolution, what it encodes is not packed, and
    it rounds joints to pixels while the published models, and its own decoder, take
    the pixel that a joint is in (HigherHRNet-Human-Pose-Estimation,
    lib/dataset/target_generators).

    Args:
        input_size: Width and height of the image.
        heatmap_sizes: Of each resolution; the first is that of the tags.
        sigma: Of the Gaussians in pixels of each heatmap, one for all or one each.
        keypoint_order: In which joints are grouped; as they come, if empty.
        max_people: Found in an image.
        topk: Candidates for a joint in an image.
        threshold: Of the heat of a joint.
        tag_threshold: Of the distance of a joint's tag from those of its person.
        nms_kernel: The neighbourhood in which one peak counts, odd.
        adjust: Move joints a quarter of a pixel towards the higher neighbours.
        refine: Look for joints that a person lacks.

    Raises:
        ValueError: if there is not one sigma for each resolution, or the order is not
            one of all joints.
    """

    field_mapping_table: ClassVar[dict[str, str]] = dict(
        heatmaps='heatmaps', heatmap_mask='heatmap_mask'
    )
    label_mapping_table: ClassVar[dict[str, str]] = dict(
        keypoint_indices='keypoint_indices'
    )

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_sizes: Sequence[tuple[int, int]],
        sigma: float | Sequence[float] = 2,
        *,
        keypoint_order: Sequence[int] = (),
        max_people: int = 30,
        topk: int = 30,
        threshold: float = 0.1,
        tag_threshold: float = 1.0,
        nms_kernel: int = 5,
        adjust: bool = True,
        refine: bool = True,
    ) -> None:
        sigmas = [sigma] if isinstance(sigma, int | float) else [*sigma]
        if len(sigmas) == 1:
            sigmas *= len(heatmap_sizes)
        if len(sigmas) != len(heatmap_sizes):
            raise ValueError(
                f'sigma={sigma!r} and heatmap_sizes={heatmap_sizes!r}: there must be '
                'one sigma for each size, or one for all'
            )
        if sorted(keypoint_order) != [*range(len(keypoint_order))]:
            raise ValueError(
                f'keypoint_order={[*keypoint_order]} must have each number from 0 to '
                f'{len(keypoint_order) - 1} once'
            )
        self.input_size = input_size
        self.levels = [*zip(heatmap_sizes, sigmas, strict=True)]
        self.keypoint_order = keypoint_order
        self.max_people = max_people
        self.topk = topk
        self.threshold = threshold
        self.tag_threshold = tag_threshold
        self.nms_kernel = nms_kernel
        self.adjust = adjust
        self.refine = refine

    def encode(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None
    ) -> dict[str, Any]:
        """The heatmaps of an image, and the pixels that joints are in.

        Args:
            keypoints: (N, K, 2), x and y in the image.
            keypoints_visible: (N, K), above 0 where a joint is labelled.

        Returns:
            ``heatmaps``, (K, H, W) at each resolution; ``keypoint_indices``, (N, K, 2):
            ``y * W + x`` at the first resolution, and 1 if the joint is labelled and
            inside.
        """
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2])
        heatmaps, indices = [], []
        for (width, height), sigma in self.levels:
            # towards 0, as in the official code: what is half a pixel outside is inside
            places = (keypoints * [width, height] / self.input_size).astype(int)
            inside = (places >= 0).all(axis=2) & (places < [width, height]).all(axis=2)
            inside &= keypoints_visible > 0
            heatmaps.append(gaussians(places, inside, (width, height), sigma))
            flat = places[..., 1] * width + places[..., 0]
            indices.append(np.stack([np.where(inside, flat, 0), inside], axis=-1))
        return dict(heatmaps=heatmaps, keypoint_indices=indices[0])

    def decode(self, encoded: Any) -> tuple[np.ndarray, np.ndarray]:
        """Not by itself: the maps of a batch lie on a device."""
        raise NotImplementedError('use batch_decode')

    def batch_decode(
        self, heatmaps: Tensor, tags: Tensor
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """The people of each image.

        Args:
            heatmaps: (B, K, H, W), of the size of the input.
            tags: (B, L, K, H, W).

        Returns:
            For each image joints, (N, K, 2), in pixels of the input; their heat,
            (N, K); and the scores of the people, (N,): the mean heat of the joints that
            were grouped.
        """
        order = self.keypoint_order or range(heatmaps.shape[1])
        if len(order) != heatmaps.shape[1]:
            raise ValueError(
                f'keypoint_order of the codec has {len(order)} joints, and the head '
                f'{heatmaps.shape[1]}'
            )
        joints, scores = [], []
        images = zip(heatmaps.detach().float(), tags.detach().float(), strict=True)
        for heat, tag in images:
            found = grouping.find_candidates(heat, tag, self.topk, self.nms_kernel)
            people = grouping.group(
                found, order, self.threshold, self.tag_threshold, self.max_people
            )
            best = people.joints[..., 2].mean(axis=1).argsort(kind='stable')[::-1]
            best = best[: self.max_people]
            people = grouping.People(people.joints[best], people.tags[best])
            scores.append(people.joints[..., 2].mean(axis=1))
            rows = people.joints
            if self.refine:
                rows = rows + grouping.complete(people, heat, tag)
            joints.append(grouping.adjust(rows, heat) if self.adjust else rows)
        return [j[..., :2] for j in joints], [j[..., 2] for j in joints], scores


def gaussians(
    places: np.ndarray, inside: np.ndarray, size: tuple[int, int], sigma: float
) -> np.ndarray:
    """A peak of 1 at each joint, the higher one where two meet.

    Args:
        places: (N, K, 2), x and y, whole numbers.
        inside: (N, K), whether there is a joint.
        size: Width and height.
        sigma: In pixels; nothing is drawn beyond three, and one pixel.

    Returns:
        (K, H, W), float32.
    """
    width, height = size
    reach = int(3 * sigma + 1)
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    peak = np.outer(line, line).astype(np.float32)
    # a margin, so that no peak has to be cut
    maps = np.zeros(
        (places.shape[1], height + 2 * reach, width + 2 * reach), np.float32
    )
    for person, joint in zip(*np.nonzero(inside), strict=True):
        x, y = places[person, joint]
        there = maps[joint, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
        np.maximum(there, peak, out=there)
    return np.ascontiguousarray(maps[:, reach : reach + height, reach : reach + width])
