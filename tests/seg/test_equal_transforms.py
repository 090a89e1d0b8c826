"""Our transforms return what those of MMSegmentation return."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

pytest.importorskip('mmseg')

from mmseg.datasets import transforms as stock

from hrnet_mm.images import decode_png
from hrnet_mm.seg import transforms as ours


def sample(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    labels = np.where(rng.random((40, 60)) < 0.8, 0, rng.integers(0, 4, (40, 60)))
    labels[:10] = 255
    return dict(
        img=image, gt_seg_map=labels.astype(np.uint8), seg_fields=['gt_seg_map']
    )


@pytest.mark.parametrize('seed', range(16))
def test_samples_are_mmseg_s(seed):
    packed = []
    for module in (ours, stock):
        np.random.seed(seed)
        result = sample(seed)
        for step in (
            module.RandomCrop(crop_size=(20, 30), cat_max_ratio=0.75),
            stock.RandomFlip(prob=0.5),
            module.PhotoMetricDistortion(),
            module.PackSegInputs(),
        ):
            result = step(result)
        packed.append((result, np.random.rand()))
    (mine, drawn), (theirs, same) = packed
    assert torch.equal(mine['inputs'], theirs['inputs'])
    assert drawn == same
    mine, theirs = mine['data_samples'], theirs['data_samples']
    assert mine.metainfo == theirs.metainfo
    assert torch.equal(mine.gt_sem_seg.data, theirs.gt_sem_seg.data)


@pytest.mark.parametrize('dtype', [np.int32, np.int64])
def test_label_maps_of_other_dtypes_are_cropped(dtype):
    labels = np.random.randint(0, 4, (40, 60)).astype(dtype)
    image = np.zeros((40, 60, 3), np.uint8)
    found = ours.RandomCrop((20, 20), cat_max_ratio=0.9)(
        dict(img=image, gt_seg_map=labels, seg_fields=['gt_seg_map'])
    )
    assert found['gt_seg_map'].shape == (20, 20)


def test_a_crop_that_would_leave_boxes_is_refused():
    results = dict(img=np.zeros((4, 4, 3), np.uint8), gt_bboxes=np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r'use mmdet.RandomCrop'):
        ours.RandomCrop((2, 2))(results)


def test_colours_of_16_bits_are_changed_as_before():
    image = np.full((4, 4, 3), 1000, np.float32)
    assert ours.PhotoMetricDistortion()(dict(img=image))['img'].shape == image.shape


def write_png(path, mode, exif=False, **options):
    rng = np.random.default_rng(0)
    bands = {'L': (), 'P': (), 'RGB': (3,), 'RGBA': (4,), 'LA': (2,)}
    dtype = np.uint16 if mode == 'I;16' else np.uint8
    values = rng.integers(0, 200, (30, 40, *bands.get(mode, ())))
    image = Image.fromarray(values.astype(dtype), None if mode != 'P' else 'L')
    if mode == 'P':
        image = image.convert('P')
        image.putpalette(rng.integers(0, 256, 768, np.uint8).tobytes())
    if exif:
        options['exif'] = Image.Exif()
        options['exif'][0x0112] = 6  # rotate by 90 degrees
    image.save(path, **options)


def gamma():
    info = PngImagePlugin.PngInfo()
    info.add(b'gAMA', (100000).to_bytes(4, 'big'))
    return info


FILES = dict(
    grey=dict(mode='L'),
    colour=dict(mode='RGB'),
    gamma=dict(mode='RGB', pnginfo=gamma()),
    palette=dict(mode='P'),
    alpha=dict(mode='RGBA'),
    grey_alpha=dict(mode='LA'),
    deep=dict(mode='I;16'),
    transparent_grey=dict(mode='L', transparency=7),
    transparent_colour=dict(mode='RGB', transparency=(7, 7, 7)),
    turned=dict(mode='RGB', exif=True),
)


@pytest.mark.parametrize('name', FILES)
def test_images_are_decoded_as_by_mmcv(name, tmp_path):
    path = tmp_path / 'image.png'
    write_png(path, **FILES[name])
    mine, theirs = (
        module.LoadImageFromFile()(dict(img_path=path))
        for module in (ours, ours.general)
    )
    assert np.array_equal(mine.pop('img'), theirs.pop('img'))
    assert mine == theirs


@pytest.mark.parametrize('label_map', [None, {0: 3, 3: 0, 7: 255}])
@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('name', FILES)
def test_labels_are_those_of_mmseg(name, reduce_zero_label, label_map, tmp_path):
    path = tmp_path / 'labels.png'
    write_png(path, **FILES[name])
    mine, theirs = (
        step(
            dict(
                seg_map_path=str(path),
                reduce_zero_label=reduce_zero_label,
                label_map=label_map,
                seg_fields=[],
            )
        )
        for step in (ours.LoadLabels(), stock.LoadAnnotations())
    )
    labels = mine.pop('gt_seg_map')
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, theirs.pop('gt_seg_map'))
    assert mine == theirs


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_usual_files_take_the_fast_decoder(mode, tmp_path):
    pytest.importorskip('kornia_rs')
    path = tmp_path / 'image.png'
    write_png(path, mode)
    image = decode_png(path.read_bytes())
    assert np.array_equal(image, np.asarray(Image.open(path)))


@pytest.mark.parametrize('size', [0, 8, 20, 40, 200])
def test_a_broken_file_is_left_to_the_stock_decoder(size, tmp_path):
    path = tmp_path / 'image.png'
    write_png(path, 'RGB')
    assert decode_png(path.read_bytes()[:size]) is None
