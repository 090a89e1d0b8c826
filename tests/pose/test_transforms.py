"""Bottom-up transforms mask crowds and flip keypoints correctly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip('mmpose')

from mmpose.datasets.transforms import BottomupRandomAffine
from pycocotools import mask as coco_mask

from hrnet_mm.pose import BottomupRandomFlip, CrowdMask

POLYGON = [[8, 4, 16, 4, 16, 8, 8, 8]]


def masks(*segs, flip: bool = False) -> list[np.ndarray]:
    results = dict(
        invalid_segs=[*segs],
        img_shape=(16, 32),
        input_size=(32, 16),
        heatmaps=[np.zeros((5, 8, 16)), np.zeros((5, 16, 32))],
        flip=flip,
        flip_direction='horizontal',
    )
    return CrowdMask()(results)['heatmap_mask']


def test_crowds_and_instances_without_keypoints_are_masked():
    crowd = np.zeros((16, 32), np.uint8, order='F')
    crowd[0:4, 24:32] = 1
    compressed = coco_mask.encode(crowd)
    runs = dict(size=[16, 32], counts=[16 * 24, *[4, 12] * 8])
    for seg in (compressed, runs):
        small, large = masks(POLYGON, seg, None)
        wanted = np.ones((16, 32), bool)
        wanted[4:8, 8:16] = wanted[0:4, 24:32] = False
        assert (large[0] == wanted).all()
        assert small.shape == (1, 8, 16)
        assert (small[0] == wanted[::2, ::2]).all()
        flipped = masks(POLYGON, seg, flip=True)[1]
        assert (flipped[0] == wanted[:, ::-1]).all()
    assert all(mask.all() for mask in masks())


@pytest.mark.parametrize('size', [(64, 32), (32, 64)])
@pytest.mark.parametrize('prob', [0, 1])
def test_keypoints_follow_the_flipped_image(size, prob):
    """Also in images that are not square."""
    joints = np.array([[[20, 10], [27, 22]]], np.float32)
    image = np.zeros((32, 48, 3), np.uint8)
    for channel, (x, y) in enumerate(joints[0].astype(int)):
        cv2.circle(image, (int(x), int(y)), 2, [255 * (i == channel) for i in range(3)])
        image[y, x, channel] = 255
    results = dict(
        img=image, img_shape=(32, 48), keypoints=joints, flip_indices=[1, 0],
        keypoints_visible=np.ones((1, 2, 2), np.float32),
        bbox=np.array([[0, 0, 47, 31]], np.float32),
    )  # fmt: skip
    affine = BottomupRandomAffine(size, shift_prob=0, scale_prob=0, rotate_prob=0)
    flip = BottomupRandomFlip(prob=float(prob), direction='horizontal')
    results = flip(affine(results))
    assert results['img'].shape == (size[1], size[0], 3)
    assert tuple(results['input_size']) == size
    for joint, channel in ((0, prob), (1, 1 - prob)):  # the sides change names
        spot = results['img'][..., channel].astype(float)
        y, x = (np.average(c, weights=spot) for c in np.indices(spot.shape))
        assert np.abs(results['keypoints'][0, joint] - (x, y)).max() < 1
