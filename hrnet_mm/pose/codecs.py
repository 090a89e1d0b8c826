"""Associative-embedding codec: encodes heatmaps and tag indices, decodes instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.registry import Registry
from mmpose.codecs import DecoupledHeatmap as StockDecoupledHeatmap
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS
from torch import Tensor

from . import grouping

KEYPOINT_CODECS = Registry('KEYPOINT_CODECS', parent=MMPOSE_CODECS, scope='hrnet_mm')


@KEYPOINT_CODECS.register_module()
class AssociativeEmbedding(BaseKeypointCodec):
    """Associative-embedding codec with heatmaps at several resolutions.

    MMPose's codec of this name supports one resolution only, and its pipeline does not
    pack the encoded targets. It also rounds a keypoint to the nearest pixel, while the
    published models and its own decoder use the pixel that contains the keypoint
    (HigherHRNet-Human-Pose-Estimation, lib/dataset/target_generators).

    Args:
        input_size: Width and height of the image.
        heatmap_sizes: Width and height of the heatmaps at each resolution. Tags have
            the first resolution.
        sigma: Standard deviation of the Gaussians in heatmap pixels, one for all
            resolutions or one for each.
        keypoint_order: Order in which keypoints are grouped. The default is the order
            of the data set.
        max_people: Maximum number of instances in an image.
        topk: Number of candidates for each keypoint in an image.
        threshold: Minimum score of a candidate.
        tag_threshold: Maximum distance between the tag of a candidate and the mean tag
            of its instance.
        nms_kernel: Size of the max-pooling kernel that finds local maxima, odd.
        adjust: Whether to move keypoints by a quarter of a pixel towards the higher
            neighbours.
        refine: Whether to search for the missing keypoints of an instance.

    Raises:
        ValueError: If the number of sigmas does not match the number of resolutions, or
            ``keypoint_order`` is not a permutation.
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
                f'sigma={sigma!r} does not match heatmap_sizes={heatmap_sizes!r}: give '
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
        """Encode the keypoints of an image as heatmaps and pixel indices.

        Args:
            keypoints: (N, K, 2), x and y in pixels of the image.
            keypoints_visible: (N, K), above 0 where a keypoint is labelled.

        Returns:
            ``heatmaps``, a list with a (K, H, W) array for each resolution, and
            ``keypoint_indices``, (N, K, 2): ``y * W + x`` at the first resolution, and
            1 if the keypoint is labelled and inside the image.
        """
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2])
        heatmaps, indices = [], []
        for (width, height), sigma in self.levels:
            # Truncation, as in the official code: -0.5 becomes 0 and counts as inside.
            pixels = (keypoints * [width, height] / self.input_size).astype(int)
            inside = (pixels >= 0).all(axis=2) & (pixels < [width, height]).all(axis=2)
            inside &= keypoints_visible > 0
            heatmaps.append(draw_gaussians(pixels, inside, (width, height), sigma))
            flat = pixels[..., 1] * width + pixels[..., 0]
            indices.append(np.stack([np.where(inside, flat, 0), inside], axis=-1))
        return dict(heatmaps=heatmaps, keypoint_indices=indices[0])

    def decode(self, encoded: Any) -> tuple[np.ndarray, np.ndarray]:
        """Raise ``NotImplementedError``: decoding works on batches on the device."""
        raise NotImplementedError('use batch_decode')

    def batch_decode(
        self, heatmaps: Tensor, tags: Tensor
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Decode the instances of each image.

        Args:
            heatmaps: (B, K, H, W), at the size of the input image.
            tags: (B, L, K, H, W).

        Returns:
            Three lists with an entry for each image: keypoints, (N, K, 2), in pixels of
            the input image; keypoint scores, (N, K); and instance scores, (N,), the
            mean score over the keypoints before refinement.
        """
        order = self.keypoint_order or range(heatmaps.shape[1])
        if len(order) != heatmaps.shape[1]:
            raise ValueError(
                f'keypoint_order of the codec has {len(order)} keypoints, but the head '
                f'predicts {heatmaps.shape[1]}: set it to a permutation of these'
            )
        keypoints, scores = [], []
        images = zip(heatmaps.detach().float(), tags.detach().float(), strict=True)
        for heat, tag in images:
            found = grouping.find_candidates(heat, tag, self.topk, self.nms_kernel)
            instances = grouping.group(
                found, order, self.threshold, self.tag_threshold, self.max_people
            )
            best = instances.keypoints[..., 2].mean(axis=1).argsort(kind='stable')[::-1]
            best = best[: self.max_people]
            instances = grouping.Instances(
                instances.keypoints[best], instances.tags[best]
            )
            scores.append(instances.keypoints[..., 2].mean(axis=1))
            rows = instances.keypoints
            if self.refine:
                rows = rows + grouping.find_missing(instances, heat, tag)
            keypoints.append(grouping.adjust(rows, heat) if self.adjust else rows)
        return [k[..., :2] for k in keypoints], [k[..., 2] for k in keypoints], scores


def draw_gaussians(
    pixels: np.ndarray, inside: np.ndarray, size: tuple[int, int], sigma: float
) -> np.ndarray:
    """Draw a Gaussian with a maximum of 1 at each keypoint; overlaps take the maximum.

    Args:
        pixels: (N, K, 2), x and y, integers.
        inside: (N, K), whether to draw the keypoint.
        size: Width and height of the heatmaps.
        sigma: Standard deviation in pixels. Values further away than ``3 * sigma + 1``
            along either axis are 0.

    Returns:
        (K, H, W), float32.
    """
    width, height = size
    reach = int(3 * sigma + 1)
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    peak = np.outer(line, line).astype(np.float32)
    # The margin makes room for Gaussians at the border.
    maps = np.zeros(
        (pixels.shape[1], height + 2 * reach, width + 2 * reach), np.float32
    )
    for instance, keypoint in zip(*np.nonzero(inside), strict=True):
        x, y = pixels[instance, keypoint]
        window = maps[keypoint, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
        np.maximum(window, peak, out=window)
    return np.ascontiguousarray(maps[:, reach : reach + height, reach : reach + width])


@KEYPOINT_CODECS.register_module()
class DecoupledHeatmap(StockDecoupledHeatmap):
    """MMPose's codec of CID, with targets in one dtype.

    MMPose's encodes images without people in float64. They turn the loss of the whole
    batch into float64.
    """

    def encode(
        self, keypoints: np.ndarray, *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """Encode the keypoints of an image, (N, K, 2), as heatmaps of each person."""
        encoded = super().encode(keypoints, *args, **kwargs)
        weights = encoded['keypoint_weights'].reshape(-1, keypoints.shape[1])
        maps = encoded['instance_heatmaps']
        return encoded | dict(
            keypoint_weights=weights.astype(np.float32),
            instance_heatmaps=maps.astype(np.float32),
        )
