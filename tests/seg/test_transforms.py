"""CheckLabels reports label maps that do not match the image or the classes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')

from hrnet_mm.seg import CheckLabels


def sample(labels: np.ndarray, **changes) -> dict:
    sample = dict(
        img_path='images/a.jpg',
        seg_map_path='labels/a.png',
        ori_shape=(4, 6),
        reduce_zero_label=False,
    )
    return dict(sample, gt_seg_map=labels, **changes)


def test_labels_that_fit_pass_unchanged():
    labels = np.tile(np.array([0, 1, 4, 255, 0, 0], np.uint8), (4, 1))
    result = CheckLabels(5)(sample(labels.copy()))
    assert np.array_equal(result['gt_seg_map'], labels)


def test_an_image_without_labels_passes():
    """MMSegInferencer takes ``LoadAnnotations`` out of the pipeline."""
    alone = dict(img_path='images/a.jpg', ori_shape=(4, 6))
    assert CheckLabels(5)(dict(alone)) == alone


def test_a_label_out_of_range_is_named_with_its_file():
    labels = np.zeros((4, 6), np.uint8)
    labels[1, 2] = 5
    with pytest.raises(
        ValueError, match=r'labels/a\.png has label 5; the 5 classes are 0'
    ):
        CheckLabels(5)(sample(labels))
    with pytest.raises(ValueError, match='reduce_zero_label'):
        CheckLabels()(sample(labels, num_classes=3))


def test_a_label_is_named_as_the_file_has_it():
    labels = np.full((4, 6), 5, np.uint8)  # 6 in the file
    with pytest.raises(ValueError, match=r'has label 6; the 5 classes are 1 to 5') as e:
        CheckLabels(5)(sample(labels, reduce_zero_label=True))
    assert 'set reduce_zero_label' not in str(e.value)


def test_labels_of_16_bits_are_not_cut_to_8(tmp_path):
    path = tmp_path / 'a.png'
    labels = np.zeros((4, 6), np.uint16)
    labels[0, 0] = 256  # 0, of which mmseg keeps
    Image.fromarray(labels).save(path)
    with pytest.raises(ValueError, match='has label 256'):
        CheckLabels(5)(sample(labels.astype(np.uint8), seg_map_path=str(path)))


@pytest.mark.parametrize('shape', [(4, 5), (4, 6, 3)])
def test_a_label_map_of_another_size_is_named_with_its_image(shape):
    with pytest.raises(ValueError, match=r'labels/a\.png .*images/a\.jpg has \(4, 6'):
        CheckLabels(5)(sample(np.zeros(shape, np.uint8)))
