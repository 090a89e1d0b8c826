"""Data sets of depth maps report missing and damaged files."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import DefaultScope

from hrnet_mm import seg
from hrnet_mm.registry import DATASETS, TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
FILES = {
    'NyuDepth': 'nyu_depth.py',
    'KittiDepth': 'kitti_depth.py',
    'TinyDepth': 'tiny_depth.py',
}
# a training image and depth map as in the lists of BTS
LINES = {
    'NyuDepth': '/cafe_1/rgb_00001.jpg /cafe_1/sync_depth_00001.png 518.8579',
    'KittiDepth': (
        '2011_09_26/2011_09_26_drive_0009_sync/image_02/data/0000000001.png '
        '2011_09_26_drive_0009_sync/proj_depth/groundtruth/image_02/0000000001.png '
        '721.5377'
    ),
}


def build(cfg):
    with DefaultScope.overwrite_default_scope('mmseg'):
        return DATASETS.build(cfg)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.mark.parametrize('name', FILES)
def test_a_missing_data_root_says_where_to_get_it(name, tmp_path, monkeypatch):
    cls = getattr(seg, name)
    monkeypatch.setenv(cls.environment, f'{tmp_path}/nowhere')
    cfg = Config.fromfile(str(CONFIGS / FILES[name]))
    assert cfg.train_dataloader.dataset.type == f'hrnet_mm.{name}'
    for split in ('train', 'val', 'test'):
        with pytest.raises(FileNotFoundError) as error:
            build(cfg[f'{split}_dataloader'].dataset)
        assert f'{tmp_path}/nowhere/' in str(error.value)
        assert f'{cls.environment}=FOLDER' in str(error.value)
        assert cls.source in str(error.value)


@pytest.fixture(params=LINES)
def drawn(request, tmp_path, monkeypatch) -> tuple[Config, Path, Path]:
    """A data set of one pair, in the layout of the config, and its depth map."""
    name = request.param
    cls = getattr(seg, name)
    monkeypatch.setenv(cls.environment, str(tmp_path))
    cfg = Config.fromfile(str(CONFIGS / FILES[name]))
    data = cfg.train_dataloader.dataset
    image, depth, _ = LINES[name].split()
    file, map_file = (
        tmp_path / data.data_prefix[key] / part.lstrip('/')
        for key, part in (('img_path', image), ('depth_map_path', depth))
    )
    save(file, np.full((480, 720, 3), 128, np.uint8))
    depth = np.zeros((480, 720), np.uint16)
    depth[::2] = 3 * cls.depth_scale
    save(map_file, depth)
    (tmp_path / data.ann_file).write_text(LINES[name] + '\n')
    return cfg, tmp_path / data.ann_file, map_file


def test_a_list_of_bts_is_read_in_metres(drawn):
    cfg, *_ = drawn
    (sample,) = [*build(cfg.train_dataloader.dataset)]
    assert sample['inputs'].shape[1:] == cfg.crop_size
    depth = sample['data_samples'].gt_depth_map.data
    assert depth.shape == (1, *cfg.crop_size)
    assert depth.dtype == torch.float32
    assert set(depth.unique().tolist()) == {0, 3}


def test_lines_without_a_depth_map_are_left_out_and_others_explained(drawn):
    cfg, lines, _ = drawn
    whole = lines.read_text()
    lines.write_text(whole + '\nimage_02/data/0000000000.png None 721.5377\n')
    assert len(build(cfg.train_dataloader.dataset)) == 1
    lines.write_text(whole + 'image.png\n')
    with pytest.raises(ValueError, match=r"line 2 of .* is 'image.png', but must name"):
        build(cfg.train_dataloader.dataset)
    lines.write_text('')
    with pytest.raises(ValueError, match='holds no image with a depth map'):
        build(cfg.train_dataloader.dataset)


def test_missing_files_are_counted(drawn):
    cfg, _, depth = drawn
    depth.unlink()
    with pytest.raises(FileNotFoundError, match=rf'1 file of 2 .*first: {depth}\)'):
        build(cfg.train_dataloader.dataset)


@pytest.mark.parametrize(
    ('stored', 'words'),
    [
        (np.zeros((480, 720), np.uint8), '1 x 8 bits per pixel.*needs one number'),
        (np.zeros((480, 720, 3), np.uint16), '3 x 16 bits per pixel'),
        (np.zeros((240, 360), np.uint16), r'\(240, 360\), but its image .*\(480, 720'),
        (None, 'is not an image that OpenCV can read'),
    ],
    ids=['8 bits', 'colour', 'another size', 'damaged'],
)
def test_a_wrong_depth_map_is_named(drawn, stored, words):
    cfg, _, depth = drawn
    if stored is None:
        depth.write_bytes(b'PNG')
    else:
        save(depth, stored)
    dataset = build(cfg.train_dataloader.dataset)
    with pytest.raises(ValueError, match=words) as error:
        dataset[0]
    assert str(depth) in str(error.value)


def test_depth_maps_in_a_folder_need_no_list(tmp_path):
    for name in ('b', 'a'):
        save(tmp_path / f'color/{name}.jpg', np.zeros((8, 9, 3), np.uint8))
        save(tmp_path / f'depth/{name}.png', np.full((8, 9), 50, np.uint16))
    cfg = dict(
        type='hrnet_mm.DepthMaps',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='color', depth_map_path='depth'),
        depth_scale=100,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='hrnet_mm.LoadDepth'),
            dict(type='PackSegInputs'),
        ],
    )
    first, second = [*build(cfg)]
    assert first['data_samples'].img_path.endswith('a.jpg')
    assert (second['data_samples'].gt_depth_map.data == 0.5).all()
    with pytest.raises(ValueError, match='depth_scale=0 of DepthMaps must be positive'):
        build(dict(cfg, depth_scale=0))


def test_both_random_crops_crop_depth_alike():
    results = dict(img=np.zeros((30, 40, 3), np.uint8), seg_fields=['gt_depth_map'])
    results['gt_depth_map'] = np.arange(1200, dtype=np.float32).reshape(30, 40)
    crops = []
    for kind in ('RandomCrop', 'hrnet_mm.RandomCrop'):
        np.random.seed(0)
        with DefaultScope.overwrite_default_scope('mmseg'):
            crop = TRANSFORMS.build(dict(type=kind, crop_size=(16, 20)))
        crops.append(crop(dict(results))['gt_depth_map'])
    assert crops[0].shape == (16, 20)
    assert np.array_equal(*crops)


def test_an_inferencer_has_no_depth_map():
    results = dict(img_path='x.png')
    load = TRANSFORMS.build(dict(type='hrnet_mm.LoadDepth'))
    assert load(dict(results)) == results


def test_tiny_people_are_read_with_their_depth(few_people, monkeypatch):
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    cfg = Config.fromfile(str(CONFIGS / 'tiny_depth.py'))
    for split, count in (('train', 20), ('val', 4), ('test', 4)):
        dataset = build(cfg[f'{split}_dataloader'].dataset)
        assert len(dataset) == count
        depth = dataset[0]['data_samples'].gt_depth_map.data
        assert depth.shape == (1, 160, 192)
        assert 0 < depth.min() < depth.max() == 10


def test_a_folder_of_an_older_version_is_to_be_removed(
    few_people, tmp_path, monkeypatch
):
    old = Path(shutil.copytree(few_people, tmp_path / 'tiny_people'))
    shutil.rmtree(old / 'depth')
    monkeypatch.setenv('TINY_PEOPLE', str(old))
    cfg = Config.fromfile(str(CONFIGS / 'tiny_depth.py'))
    with pytest.raises(
        FileNotFoundError, match='remove a folder that an older version'
    ):
        build(cfg.train_dataloader.dataset)


def test_mixing_of_depth_into_images_is_refused(few_people, monkeypatch):
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    data = Config.fromfile(str(CONFIGS / 'tiny_depth.py')).train_dataloader.dataset
    data.pipeline.append(dict(type='RandomDepthMix'))
    with pytest.raises(ValueError, match='RandomDepthMix of MMSegmentation'):
        build(data)
