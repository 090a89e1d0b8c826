"""One random affine map for an image and the labels of all its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from hrnet_mm.registry import TRANSFORMS

NO_DEPTH = NO_SEGMENT = 0
NO_LABEL = 255
BOXES = ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags', 'gt_masks')
MAPS = ('gt_seg_map', 'gt_depth_map')
Info = dict[str, Any]


@dataclass(frozen=True)
class AffineMap:
    """An affine map of pixel indices, and a horizontal flip after it.

    Args:
        matrix: (2, 3), from pixel indices of the image to those of the result, as
            ``cv2.warpAffine`` reads it.
        size: Width and height of the result.
        flip: Whether to mirror the result.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    flip: bool

    def pixels(
        self, pixels: np.ndarray, border: float = 0, *, smooth: bool = False
    ) -> np.ndarray:
        """Move the pixels of an image or a label map.

        Args:
            pixels: (H, W) or (H, W, C), of a dtype of OpenCV.
            border: The value of pixels from outside of the image.
            smooth: Whether to interpolate, bilinearly. The default is the nearest
                pixel.
        """
        moved = cv2.warpAffine(
            pixels,
            self.matrix,
            self.size,
            flags=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST,
            borderValue=(border,) * 4,
        )
        return cv2.flip(moved, 1) if self.flip else moved

    def points(self, points: np.ndarray) -> np.ndarray:
        """Move points, (..., 2), x and y in pixel indices."""
        moved = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        if self.flip:
            moved[..., 0] = self.size[0] - 1 - moved[..., 0]
        return moved.astype(points.dtype)

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Return the bounds of moved boxes, (N, 4): left, top, right, bottom edges.

        Pixel i spans i to i + 1. The bounds are cut at the border of the result.
        """
        corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        corners = self.points(corners - 0.5) + 0.5
        corners = corners.clip(0, self.size)
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


@TRANSFORMS.register_module()
class JointAffine(BaseTransform):
    """Scale, rotate, shift and flip an image with the labels of all its tasks.

    The numbers have the distributions of MMPose's ``BottomupRandomAffine`` with
    ``distribution='uniform'`` and ``scale_type='short'``: at scale 1 the image covers
    the result, and the longer side is cut.

    Keypoints, boxes, instance masks, label maps, panoptic label maps and depth maps
    move with the image. Left and right keypoints change places in a mirrored image.
    Boxes of instances with a mask are the bounds of the moved mask; instances that
    leave the image are removed. Depths are divided by the magnification (Eigen et al.,
    NIPS 2014, section 3.4).

    Args:
        size: Width and height of the result.
        scale: The smallest and the largest factor of the size of the part of the image
            that is shown: above 1, objects become smaller.
        rotate: The largest angle in degrees.
        shift: The largest shift as a part of width and height.
        flip: The probability of a horizontal flip.
        label_pairs: Pairs of a left and a right class in the label map of a task, such
            as ``dict(parts=[(14, 15)])``, which change places in a mirrored image.

    Raises:
        ValueError: If an argument is out of range, or a sample has labels that this
            transform cannot move.
    """

    def __init__(
        self,
        size: tuple[int, int],
        scale: tuple[float, float] = (0.75, 1.5),
        rotate: float = 30,
        shift: float = 0.2,
        flip: float = 0.5,
        label_pairs: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    ) -> None:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(
                f'scale={scale} of JointAffine must be the smallest and the largest '
                'factor, above 0, such as (0.8, 1.25)'
            )
        if not 0 <= flip <= 1:
            raise ValueError(f'flip={flip} of JointAffine must be from 0 to 1')
        self.size = (int(size[0]), int(size[1]))
        self.scale = scale
        self.rotate = rotate
        self.shift = shift
        self.flip = flip
        self.label_pairs = dict(label_pairs or {})

    def transform(self, results: Info) -> Info:
        """Move ``img`` and the labels of ``tasks``."""
        for name in self.label_pairs:
            info = results['tasks'].get(name, {})
            if getattr(info.get('gt_seg_map'), 'ndim', 0) != 2:
                raise ValueError(
                    f'label_pairs of JointAffine names {name}, but the sample has no '
                    f'label map of it; its tasks are {", ".join(results["tasks"])}'
                )
        original = results['img_shape'][:2]
        move = self._draw(*original)
        infos = {
            name: _move_labels(move, name, info, self.label_pairs.get(name, ()))
            for name, info in results['tasks'].items()
        }
        for info in infos.values():
            if 'flip_indices' in info:
                # MMPose draws outlines in the original image and then warps them
                info['img_shape'] = original
        return results | dict(
            img=move.pixels(results['img'], smooth=True),
            img_shape=self.size[::-1],
            input_size=self.size,
            warp_mat=move.matrix,
            flip=move.flip,
            flip_direction='horizontal' if move.flip else None,
            tasks=infos,
        )

    def _draw(self, height: int, width: int) -> AffineMap:
        shift = np.random.uniform(-self.shift, self.shift, 2)
        scale = np.random.uniform(*self.scale)
        angle = np.deg2rad(np.random.uniform(-self.rotate, self.rotate))
        flip = bool(np.random.rand() < self.flip)
        side = np.array([width, height])
        zoom = (self.size / side).max() / scale
        centre = side * (0.5 + shift)
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        offset = np.array(self.size) / 2 - turn @ centre
        return AffineMap(np.column_stack([turn, offset]), self.size, flip)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size={self.size}, scale={self.scale}, '
            f'rotate={self.rotate}, shift={self.shift}, flip={self.flip}, '
            f'label_pairs={self.label_pairs})'
        )


def _move_labels(
    move: AffineMap, task: str, info: Info, pairs: Sequence[tuple[int, int]]
) -> Info:
    labels = [key for key in info if key.startswith('gt_')]
    if unknown := [key for key in labels if key not in BOXES + MAPS]:
        raise ValueError(
            f'JointAffine cannot move {", ".join(unknown)} of the task {task}: load or '
            'make it after JointAffine'
        )
    info = dict(info)
    if 'keypoints' in info:
        info |= _move_keypoints(move, info)
    if 'gt_bboxes' in info or 'gt_masks' in info:
        info |= _move_instances(move, info)
    for key in {*MAPS} & info.keys():
        info[key] = _move_map(move, info, key, pairs)
    return info


def _move_keypoints(move: AffineMap, info: Info) -> Info:
    moved = dict(
        keypoints=move.points(info['keypoints']),
        keypoints_visible=info['keypoints_visible'],
    )
    if move.flip:
        moved = {key: value[:, info['flip_indices']] for key, value in moved.items()}
    if 'bbox' in info:  # MMPose keeps four corners, (N, 4, 2)
        moved['bbox'] = move.points(info['bbox'][:, [[0, 1], [0, 3], [2, 1], [2, 3]]])
    if 'area' in info:
        zoomed = info['area'] * np.linalg.det(move.matrix[:, :2])
        moved['area'] = zoomed.astype(info['area'].dtype)
    return moved


def _move_instances(move: AffineMap, info: Info) -> Info:
    moved: Info = {key: info[key] for key in BOXES if key in info}
    if 'gt_masks' in info:
        from hrnet_mm.det.transforms import Bitmaps  # needs mmdet

        before = info['gt_masks'].to_ndarray().astype(np.uint8, copy=False)
        width, height = move.size
        masks = np.empty((len(before), height, width), np.uint8)
        for mask, place in zip(before, masks, strict=True):
            place[...] = move.pixels(mask)
        moved['gt_masks'] = Bitmaps(masks, height, width)
        outlined, kept = before.any((1, 2)), masks.any((1, 2))
    if 'gt_bboxes' in info:
        boxes = move.boxes(info['gt_bboxes'].tensor.numpy())
        visible = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if 'gt_masks' in info:  # a crowd may have a box only
            bounds = moved['gt_masks'].get_bboxes('hbox').tensor.numpy()
            boxes = np.where(outlined[:, None], bounds, boxes)
            visible = np.where(outlined, kept, visible)
        kind: Callable[..., Any] = type(info['gt_bboxes'])
        moved['gt_bboxes'] = kind(torch.from_numpy(boxes.astype(np.float32)))
        kept = visible
    return {key: value[np.flatnonzero(kept)] for key, value in moved.items()}


def _move_map(
    move: AffineMap, info: Info, key: str, pairs: Sequence[tuple[int, int]]
) -> np.ndarray:
    labels = info[key]
    if key == 'gt_depth_map':
        magnified = np.sqrt(np.linalg.det(move.matrix[:, :2]))
        return move.pixels(labels, NO_DEPTH) / np.float32(magnified)
    if labels.ndim == 3:
        return move.pixels(labels, NO_SEGMENT)
    moved = move.pixels(labels, info.get('ignore_index', NO_LABEL))
    if not move.flip:
        return moved
    exchanged = moved.copy()
    for left, right in pairs:
        exchanged[moved == left] = right
        exchanged[moved == right] = left
    return exchanged
