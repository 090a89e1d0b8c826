"""Labels that fit neither image nor model are named."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('mmseg')

from hrnet_mm.seg import CheckLabels


def sample(labels: np.ndarray, **changes) -> dict:
    sample = dict(
        img_path='images/a.jpg', seg_map_path='labels/a.png', ori_shape=(4, 6)
    )
    return dict(sample, gt_seg_map=labels, **changes)


def test_labels_that_fit_pass_unchanged():
    labels = np.tile(np.array([0, 1, 4, 255, 0, 0], np.uint8), (4, 1))
    result = CheckLabels(5)(sample(labels.copy()))
    assert np.array_equal(result['gt_seg_map'], labels)


def test_a_label_out_of_range_is_named_with_its_file():
    labels = np.zeros((4, 6), np.uint8)
    labels[1, 2] = 5
    with pytest.raises(ValueError, match=r'labels/a\.png has label 5; 5 classes are 0'):
        CheckLabels(5)(sample(labels))
    with pytest.raises(ValueError, match='reduce_zero_label'):
        CheckLabels()(sample(labels, num_classes=3))


@pytest.mark.parametrize('shape', [(4, 5), (4, 6, 3)])
def test_a_label_map_of_another_size_is_named_with_its_image(shape):
    with pytest.raises(ValueError, match=r'labels/a\.png .*images/a\.jpg \(4, 6\)'):
        CheckLabels(5)(sample(np.zeros(shape, np.uint8)))
