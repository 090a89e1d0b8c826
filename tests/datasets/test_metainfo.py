"""The names of the data are found wherever a config or a file has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from hrnet_mm.datasets.metainfo import complete_palette, names_of, read_metainfo
from hrnet_mm.inference.model_facts import read_facts

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
MINE = dict(
    dataset_name='mine',
    keypoint_info={
        i: dict(name=f'mine_{i}', id=i, color=[0, 0, 255], type='upper', swap='')
        for i in range(5)
    },
    skeleton_info={0: dict(link=('mine_0', 'mine_1'), id=0, color=[0, 255, 0])},
    joint_weights=[1.0] * 5,
    sigmas=[0.05] * 5,
)
FIVE = [f'mine_{i}' for i in range(5)]


def config(library: str, name: str) -> Config:
    pytest.importorskip(library)
    return Config.fromfile(str(CONFIGS / f'{name}.py'))


@pytest.fixture
def pose() -> Config:
    """Of five keypoints."""
    cfg = config('mmpose', 'pose/hrnet_w18_small_v1_tiny-pose')
    cfg.model.head.out_channels = 5
    return cfg


def inline(dataset, tmp_path):
    return dict(dataset, metainfo=MINE)


def of_a_file(dataset, tmp_path):
    (tmp_path / 'mine.py').write_text(f'dataset_info = {MINE!r}\n')
    return dict(dataset, metainfo=dict(from_file=str(tmp_path / 'mine.py')))


def of_json(dataset, tmp_path):
    return dict(dataset, metainfo=json.loads(json.dumps(MINE)))


def of_json_file(dataset, tmp_path):
    (tmp_path / 'mine.json').write_text(json.dumps(dict(dataset_info=MINE)))
    return dict(dataset, metainfo=dict(from_file=str(tmp_path / 'mine.json')))


def concatenated(dataset, tmp_path):
    return dict(type='ConcatDataset', datasets=[inline(dataset, tmp_path)] * 2)


def repeated(dataset, tmp_path):
    return dict(type='RepeatDataset', times=2, dataset=inline(dataset, tmp_path))


def combined(dataset, tmp_path):
    return dict(type='CombinedDataset', metainfo=MINE, datasets=[dataset], pipeline=[])


GIVEN = (inline, of_a_file, of_json, of_json_file, concatenated, repeated, combined)


@pytest.mark.parametrize('given', GIVEN, ids=lambda given: given.__name__)
def test_keypoints_have_the_names_of_the_config(given, pose, tmp_path):
    pose.test_dataloader.dataset = given(pose.test_dataloader.dataset, tmp_path)
    found = read_metainfo(pose, 5)
    assert names_of(found) == FIVE
    assert [[int(i) for i in link] for link in found['skeleton_links']] == [[0, 1]]


def test_exports_carry_them(pose, tmp_path):
    pose.test_dataloader.dataset = concatenated(pose.test_dataloader.dataset, tmp_path)
    facts = read_facts(pose)
    assert facts['names'] == FIVE
    assert facts['links'] == [[0, 1]]
    assert facts['padding'] == 1.1


def test_what_fits_is_taken_from_training_or_the_weights(pose, tmp_path):
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    with pytest.raises(ValueError, match=r'5 outputs, but test_dataloader.dataset nam'):
        read_metainfo(pose, 5)
    meta = dict(dataset_meta=parse_pose_metainfo(MINE))
    torch.save(dict(meta=meta, state_dict={}), tmp_path / 'x.pth')
    assert names_of(read_metainfo(pose, 5, tmp_path / 'x.pth')) == FIVE
    pose.train_dataloader.dataset.metainfo = MINE
    assert names_of(read_metainfo(pose, 5)) == FIVE


def test_a_class_of_a_data_set_names_its_own():
    heads = config('mmpose', 'pose/hrnetv2_w18_small_v1_tiny-heads')
    assert names_of(read_metainfo(heads, 5))[:2] == ['nose', 'left_eye']
    detection = config('mmdet', 'det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det')
    assert names_of(read_metainfo(detection, 1)) == ['person']


@pytest.mark.parametrize('palette', [None, [(1, 2, 3)], [(1, 2, 3)] * 9])
def test_scenes_have_a_colour_for_each_class(palette):
    seg = config('mmseg', 'seg/hrnetv2_w18_small_v1_tiny-seg')
    given = {} if palette is None else dict(palette=palette)
    metainfo = dict(classes=('a', 'b', 'c', 'd', 'e'), **given)
    dataset = seg.test_dataloader.dataset
    dataset.update(type='hrnet_mm.LabelMaps', metainfo=metainfo, img_suffix='.jpg')
    facts = read_facts(seg)
    assert facts['names'] == [*'abcde']
    assert len(facts['palette']) == 5
    assert palette is None or facts['palette'][0] == [1, 2, 3]


def test_scenes_of_old_files_name_themselves(tmp_path):
    seg = config('mmseg', 'seg/hrnetv2_w18_small_v1_tiny-seg')
    meta = dict(CLASSES=('road', 'sky'), PALETTE=None)
    torch.save(dict(meta=meta, state_dict={}), tmp_path / 'x.pth')
    seg.model.decode_head.num_classes = 2
    facts = read_facts(seg, tmp_path / 'x.pth')
    assert facts['names'] == ['road', 'sky']
    assert facts['palette'] == complete_palette(None, 2)


def test_a_palette_is_the_same_each_time():
    assert complete_palette([(9, 9, 9)], 3)[1:] == complete_palette(None, 3)[1:]
