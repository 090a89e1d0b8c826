"""Arrays become what files of them would be."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import mmcv
import numpy as np
import pytest
import torch

from hrnet_mm.images import (
    ReadArrays,
    channels_first,
    check_channels,
    drawable,
    loader_of,
    positive_strides,
)
from hrnet_mm.visualization import read_image

RNG = np.random.default_rng(0)
KINDS = {
    'grey': RNG.integers(0, 256, (9, 8)).astype(np.uint8),
    'colour': RNG.integers(0, 256, (9, 8, 3)).astype(np.uint8),
    'alpha': RNG.integers(0, 256, (9, 8, 4)).astype(np.uint8),
    'deep': RNG.integers(0, 65536, (9, 8, 3)).astype(np.uint16),
    'deep grey': RNG.integers(0, 65536, (9, 8)).astype(np.uint16),
}


@pytest.mark.parametrize('color_type', ['color', 'grayscale', 'unchanged'])
@pytest.mark.parametrize('kind', KINDS)
def test_an_array_is_read_as_its_file(kind, color_type, tmp_path):
    path = str(tmp_path / 'x.png')
    cv2.imwrite(path, KINDS[kind])
    wanted = mmcv.imread(path, color_type)
    found = ReadArrays(dict(color_type=color_type))(KINDS[kind])
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    # libpng rounds its mean of the channels in another way than cv2.cvtColor
    assert np.abs(found.astype(int) - wanted).max() <= (color_type == 'grayscale')


def test_results_are_read_and_paths_passed_on():
    read = ReadArrays({})
    assert read(dict(img=KINDS['grey'], x=1))['img'].shape == (9, 8, 3)
    assert read('a.png') == 'a.png'
    assert read(dict(img_path='a.png')) == dict(img_path='a.png')


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.zeros((4, 4, 5), np.uint8), r"5 channels .* color_type='unchanged'"),
        (np.zeros((4, 4, 3), np.int64), r'dtype int64 is not an image: use \(H, W\)'),
        (np.zeros((1, 4, 4, 3), np.uint8), r'shape \(1, 4, 4, 3\)'),
    ],
)
def test_other_arrays_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        ReadArrays({})(image)


def test_the_loader_is_found_by_its_type():
    load = dict(type='mmseg.LoadImageFromFile', color_type='grayscale')
    assert loader_of([dict(type='Resize'), load]) == load
    assert loader_of([dict(type='Resize')]) == {}


@pytest.mark.parametrize(
    ('image', 'wanted'),
    [
        (np.array([[7, 9]], np.uint8), [[[7, 7, 7], [9, 9, 9]]]),
        (np.array([[[1, 2, 3, 4]]], np.uint8), [[[1, 2, 3]]]),
        (np.array([[1000, 3000, 2000]], np.uint16), [[[0] * 3, [255] * 3, [127] * 3]]),
        (np.array([[0, 1]], np.float32), [[[0] * 3, [255] * 3]]),
        (np.array([[0, 200]], np.float32), [[[0] * 3, [200] * 3]]),
    ],
)
def test_all_can_be_drawn_on(image, wanted):
    np.testing.assert_array_equal(drawable(image), np.array(wanted, np.uint8))


def test_a_file_of_32_bits_can_be_drawn_on(tmp_path):
    path = str(tmp_path / 'x.tif')
    cv2.imwrite(path, np.array([[0, 0.5]], np.float32))
    assert read_image(path).tolist() == [[[0] * 3, [255] * 3]]
    (tmp_path / 'x.tif').write_text('no')
    with pytest.raises(ValueError, match=r'x\.tif cannot be drawn'):
        read_image(path)


@pytest.mark.parametrize(
    ('channels', 'values', 'swaps', 'message'),
    [
        (1, 3, False, r'mean has 3 values, but the images have 1 channels'),
        (4, 4, True, r'have 4 .*set model\.data_preprocessor\.bgr_to_rgb=False'),
        (1, 1, False, None),
        (3, 3, True, None),
    ],
)
def test_a_preprocessor_is_of_the_images_that_the_trunk_takes(
    channels, values, swaps, message
):
    model = SimpleNamespace(
        backbone=SimpleNamespace(in_channels=channels),
        data_preprocessor=SimpleNamespace(
            mean=torch.zeros(values, 1, 1), _channel_conversion=swaps
        ),
    )
    if message is None:
        check_channels(model)
    else:
        with pytest.raises(ValueError, match=message):
            check_channels(model)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float32', 'int64'])
@pytest.mark.parametrize('shape', [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 6)])
def test_mirrored_images_keep_their_values(direction, dtype, shape):
    mirrored = mmcv.imflip(RNG.integers(0, 99, shape).astype(dtype), direction)
    copied = positive_strides(mirrored)
    assert np.array_equal(copied, mirrored)
    assert min(copied.strides) > 0


def test_channels_first_shares_the_memory_of_an_image():
    image = KINDS['colour'].copy()
    tensor = channels_first(image)
    assert tensor.shape == (3, 9, 8)
    image[4, 5, 1] = 77
    assert tensor[1, 4, 5] == 77


def test_channels_first_does_not_keep_the_rest_of_a_cropped_image():
    tensor = channels_first(KINDS['colour'][2:5, 1:4])
    assert tensor.untyped_storage().nbytes() == 3 * 3 * 3
