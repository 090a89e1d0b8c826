"""Segmentation data sets report missing, damaged and mislabelled data."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from hrnet_mm import seg
from hrnet_mm.registry import DATASETS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
FILES = {
    'Ade20kSeg': 'ade20k.py',
    'CityscapesSeg': 'cityscapes.py',
    'CocoStuffSeg': 'coco_stuff10k.py',
    'LipSeg': 'lip.py',
    'PascalContextSeg': 'pascal_context.py',
    'PascalContext59Seg': 'pascal_context59.py',
    'TinySeg': 'tiny_seg.py',
}
ZERO_IS_UNLABELLED = {'Ade20kSeg', 'CocoStuffSeg', 'PascalContext59Seg'}


def build(cfg) -> seg.TinySeg:
    with DefaultScope.overwrite_default_scope('mmseg'):
        return DATASETS.build(cfg)


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


@pytest.mark.parametrize('name', FILES)
def test_the_number_of_classes_is_that_of_the_data(name):
    cfg = Config.fromfile(str(CONFIGS / FILES[name]))
    assert cfg.num_classes == len(getattr(seg, name).METAINFO['classes'])


def test_the_labels_that_lip_swaps_are_left_and_right():
    classes = seg.LipSeg.METAINFO['classes']
    pairs = Config.fromfile(str(CONFIGS / 'lip.py')).left_and_right
    sided = {c for c in classes if c.startswith(('Left', 'Right'))}
    assert {classes[i] for pair in pairs for i in pair} == sided
    for left, right in pairs:
        assert classes[left].replace('Left', 'Right') == classes[right]


@pytest.fixture
def people(few_people, tmp_path, monkeypatch) -> Path:
    """TinyPeople, to damage."""
    root = Path(shutil.copytree(few_people, tmp_path / 'tiny_people'))
    monkeypatch.setenv('TINY_PEOPLE', str(root))
    return root


def train_data() -> seg.TinySeg:
    cfg = Config.fromfile(str(CONFIGS / 'tiny_seg.py'))
    return build(cfg.train_dataloader.dataset)


def test_tiny_people_are_read_with_their_body_parts(people):
    sample = train_data()[0]
    assert sample['inputs'].shape == (3, 160, 192)
    labels = sample['data_samples'].gt_sem_seg.data
    assert set(labels.unique().tolist()) == set(range(5))


def test_real_cityscapes_are_read(real_cityscapes, monkeypatch):
    monkeypatch.setenv('CITYSCAPES', str(real_cityscapes))
    cfg = Config.fromfile(str(CONFIGS / 'cityscapes.py'))
    (sample,) = list(build(cfg.val_dataloader.dataset))
    assert sample['data_samples'].gt_sem_seg.shape == (128, 256)


@pytest.fixture
def one_of_each(tmp_path, monkeypatch):
    """Write an image for each split where a recipe looks, with these labels."""

    def write(cls: type, labels: np.ndarray) -> Config:
        monkeypatch.setenv(cls.environment, str(tmp_path))
        cfg = Config.fromfile(str(CONFIGS / FILES[cls.__name__]))
        usual = inspect.signature(cls).parameters
        image = np.full((*labels.shape, 3), 128, np.uint8)
        for split in ('train', 'val', 'test'):
            data = cfg[f'{split}_dataloader'].dataset
            for kind, picture in (('img', image), ('seg_map', labels)):
                suffix = data.get(f'{kind}_suffix', usual[f'{kind}_suffix'].default)
                folder = tmp_path / data.data_prefix[f'{kind}_path']
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(f'{folder}/one{suffix}', picture)
            if data.get('ann_file'):
                names = tmp_path / data.ann_file
                names.parent.mkdir(parents=True, exist_ok=True)
                names.write_text('one\n')
        return cfg

    return write


def quarters(*labels: int) -> np.ndarray:
    """Four labels, each a quarter of a label map."""
    return np.kron(np.reshape(labels, (2, 2)), np.ones((24, 32))).astype(np.uint8)


@pytest.mark.parametrize('name', FILES)
def test_each_recipe_trains_and_tests_on_the_labels_of_its_files(name, one_of_each):
    cls = getattr(seg, name)
    last = len(cls.METAINFO['classes']) - 1
    first = int(name in ZERO_IS_UNLABELLED)
    written = quarters(0, last - 1 + first, last + first, 255)
    seen = quarters(255 if first else 0, last - 1, last, 255)
    cfg = one_of_each(cls, written)

    train = build(cfg.train_dataloader.dataset)
    assert len(train) == 1
    sample = train[0]
    labels = sample['data_samples'].gt_sem_seg.data
    assert labels.shape[-2:] == sample['inputs'].shape[-2:]
    assert all(a <= b for a, b in zip(labels.shape[-2:], cfg.crop_size, strict=True))
    assert set(labels.unique().tolist()) <= set(seen.flat)

    (tested,) = build(cfg.test_dataloader.dataset)
    assert (tested['data_samples'].gt_sem_seg.data.numpy() == seen).all()

    views = build({**cfg.test_dataloader.dataset, 'pipeline': cfg.tta_pipeline})[0]
    assert len(
        {(x.shape, bool(d.flip)) for x, d in zip(*views.values(), strict=True)}
    ) == len(views['inputs'])
    for view in views['data_samples']:
        assert (view.gt_sem_seg.data.numpy() == seen).all()


def test_a_folder_without_images_is_refused(people):
    shutil.rmtree(people / 'images/train')
    (people / 'images/train').mkdir()
    with pytest.raises(ValueError, match='holds no image'):
        train_data()


def test_label_maps_without_classes_say_what_is_missing(people):
    with pytest.raises(ValueError, match=r'LabelMaps needs the names of its classes'):
        build(dict(type='hrnet_mm.LabelMaps', data_root=str(people), data_prefix=dict(
            img_path='images/train', seg_map_path='labels/train')))  # fmt: skip


def test_a_label_of_another_data_set_is_named(people):
    path = people / 'labels/train/000001.png'
    cv2.imwrite(str(path), np.full((160, 192), 7, np.uint8))
    with pytest.raises(ValueError, match=r'000001\.png has label 7; the 5 classes'):
        train_data()[0]


def masks(root: Path, *values: int) -> dict:
    """Each label map of TinyPeople as a mask; the data set of them."""
    for path in (root / 'labels/train').iterdir():
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.take(np.uint8(values), (labels > 0).astype(int)))
    return dict(
        type='hrnet_mm.LabelMaps',
        metainfo=dict(classes=('background', 'person')),
        data_root=str(root),
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        pipeline=Config.fromfile(
            str(CONFIGS / 'tiny_seg.py')
        ).val_dataloader.dataset.pipeline,
    )


def labels_of(data) -> set[int]:
    return set(data[0]['data_samples'].gt_sem_seg.data.unique().tolist())


def test_masks_of_0_and_255_need_their_values(people):
    cfg = masks(people, 0, 255)
    truth = cv2.imread(str(people / 'labels/train/000001.png'), cv2.IMREAD_UNCHANGED)
    with pytest.raises(ValueError, match=r'hold 0 and 255 only.*label_values=\(0, 255'):
        build(cfg)
    with pytest.raises(ValueError, match='hold 0 and 255 only'):
        train_data()  # of five classes
    data = build(dict(cfg, label_values=(0, 255)))
    seen = data[0]['data_samples'].gt_sem_seg.data[0].numpy()
    assert (seen == (truth == 255)).all()


def test_masks_of_0_and_1_and_pixels_that_do_not_count_pass(people):
    cfg = masks(people, 0, 1)
    for path in sorted((people / 'labels/train').iterdir())[:-1]:
        cv2.imwrite(str(path), quarters(0, 255, 0, 255)[:1].repeat(160, 0).repeat(3, 1))
    assert labels_of(build(cfg)) == {0, 255}


@pytest.mark.parametrize('mode', ['1', 'P'])
def test_masks_of_one_bit_and_of_a_palette_are_read(mode, people):
    cfg = masks(people, 0, 1)
    for path in (people / 'labels/train').iterdir():
        labels = Image.open(path)
        picture = labels.point(lambda x: x * 255, '1') if mode == '1' else labels
        if mode == 'P':
            picture = picture.convert('P')
            picture.putpalette([9, 9, 9, 128, 0, 0])
        picture.save(path)
        assert Image.open(path).mode == mode
    assert labels_of(build(cfg)) == {0, 1}


@pytest.mark.parametrize(
    ('values', 'found'), [((0, 128, 255), 128), ((0, 1), 1)], ids=str
)
def test_a_number_that_is_none_of_the_values_is_named(values, found, people):
    cfg = masks(people, 0, 255)
    path = people / 'labels/train/000001.png'
    cv2.imwrite(str(path), np.resize(np.uint8(values), (160, 192)))
    with pytest.raises(ValueError, match=rf'000001\.png has label {found}; .*\[0, 255'):
        build(dict(cfg, label_values=[0, 255]))[0]


@pytest.mark.parametrize('values', [(0,), (0, 256), (7, 7)])
def test_label_values_are_one_for_each_class(values, people):
    with pytest.raises(ValueError, match=r'label_values=\[.* of LabelMaps must'):
        build(dict(masks(people, 0, 255), label_values=values))


def test_the_label_that_does_not_count_is_that_of_the_data_set(people):
    cfg = masks(people, 0, 250)
    with pytest.raises(ValueError, match='has label 250'):
        build(cfg)[0]
    assert labels_of(build(dict(cfg, ignore_index=250))) == {0, 250}


def test_a_label_map_of_another_size_is_named(people):
    path = people / 'labels/train/000001.png'
    cv2.imwrite(str(path), np.zeros((80, 96), np.uint8))
    with pytest.raises(ValueError, match=r'labels/train/000001\.png has .*\(80, 96\)'):
        train_data()[0]


@pytest.mark.parametrize(
    ('name', 'contents', 'words'),
    [
        ('images/train/000001.jpg', b'', 'is empty'),
        ('labels/train/000001.png', b'no image', 'is not an image'),
        ('labels/train/000001.png', None, 'does not exist'),
    ],
)
def test_a_file_that_cannot_be_read_is_named(people, name, contents, words):
    data = train_data()
    (people / name).unlink()
    if contents is not None:
        (people / name).write_bytes(contents)
    with pytest.raises(ValueError) as error:
        data[0]
    assert name in str(error.value)
    assert words in str(error.value)


def test_one_class_is_no_string():
    with pytest.raises(ValueError, match=r"each letter .*\('road',\)"):
        seg.LabelMaps._load_metainfo(dict(classes='road'))
