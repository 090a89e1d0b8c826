"""Classification data sets report invalid folders before training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip('mmpretrain')

from hrnet_mm.cls import ImageFolder, ImageNetCls, TinyCls
from hrnet_mm.tiny_people import POSES

READ = [dict(type='mmpretrain.LoadImageFromFile')]


def tiny(root: Path, split: str = 'val') -> TinyCls:
    return TinyCls(data_root=str(root), data_prefix=f'crops/{split}', pipeline=READ)


@pytest.fixture
def people(few_people, tmp_path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(few_people, tmp_path / 'tiny_people'))


def test_tiny_people_are_read_with_their_poses(few_people):
    for split in ('train', 'val', 'test'):
        dataset = tiny(few_people, split)
        assert dataset.metainfo['classes'] == tuple(sorted(POSES))
        for sample in dataset.load_data_list():
            pose = Path(sample['img_path']).parent.name
            assert dataset.metainfo['classes'][sample['gt_label']] == pose
        assert dataset[0]['img'].shape == (96, 96, 3)


def test_missing_data_is_named_with_the_way_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match='hrnet-mm tiny-people') as error:
        tiny(tmp_path / 'nowhere')
    assert 'TINY_PEOPLE' in str(error.value)
    with pytest.raises(FileNotFoundError, match='ILSVRC') as error:
        ImageNetCls(data_root=str(tmp_path), split='train')
    assert 'IMAGENET' in str(error.value)


def test_a_split_without_one_of_the_folders_is_refused(people):
    """All classes after it would have the label of the one before them."""
    shutil.rmtree(people / 'crops/val/kicking')
    with pytest.raises(ValueError, match=r'crops/val has no folder of kicking'):
        tiny(people)


def test_a_folder_that_is_no_class_is_refused(people):
    (people / 'crops/val/.cache').mkdir()
    with pytest.raises(ValueError, match=r'a folder \.cache, which is no class'):
        tiny(people)


def test_own_classes_are_given_and_in_order(people):
    folder = dict(data_root=str(people), data_prefix='crops/val', pipeline=READ)
    with pytest.raises(ValueError, match=r"metainfo=dict\(classes=\['arms_up', "):
        ImageFolder(**folder)
    with pytest.raises(ValueError, match=r'must be sorted.* arms_up, kicking'):
        ImageFolder(**folder, metainfo=dict(classes=sorted(POSES)[::-1]))
    assert len(ImageFolder(**folder, metainfo=dict(classes=sorted(POSES)))) > 0


def test_folders_without_images_are_refused(people):
    for image in people.glob('crops/val/*/*.jpg'):
        image.unlink()
    with pytest.raises(RuntimeError, match='Found 0 files'):
        tiny(people)


def test_an_image_that_cannot_be_read_is_named(people):
    broken = sorted(people.glob('crops/val/*/*.jpg'))[0]
    broken.write_bytes(b'')
    with pytest.raises(ValueError, match=rf'{broken.name} .* is empty'):
        tiny(people)[0]


def test_imagenet_is_read_from_folders_and_from_lists(tmp_path):
    """Both layouts that are around."""
    from hrnet_mm.tiny_people import TinyPeople

    root = TinyPeople(splits={'val': 2}).write(tmp_path / 'people')
    images = sorted(root.glob('crops/val/*/*.jpg'))
    imagenet = tmp_path / 'imagenet'
    for i in range(1000):
        (imagenet / f'val/n{i:08d}').mkdir(parents=True)
    shutil.copy(images[0], imagenet / 'val/n00000007/a.JPEG')
    (sample,) = ImageNetCls(str(imagenet), split='val', pipeline=READ)
    assert sample['gt_label'] == 7
    (imagenet / 'meta').mkdir()
    (imagenet / 'meta/val.txt').write_text('n00000007/a.JPEG 9\n')
    (sample,) = ImageNetCls(str(imagenet), split='val', pipeline=READ)
    assert sample['gt_label'] == 9


def test_one_class_is_no_string():
    with pytest.raises(ValueError, match=r"each letter .*\('cat',\)"):
        ImageFolder._load_metainfo(dict(classes='cat'))
