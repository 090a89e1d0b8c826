"""`hrnet-mm check`: its data, its report, and real data sets."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from mmengine.config import Config
from PIL import Image
from rich.console import Console

from hrnet_mm.cli import main
from hrnet_mm.data_check import Finding, Report, check, splits_of_config, write_report
from hrnet_mm.data_check.sides import exchanged_sides, side_name
from hrnet_mm.tiny_people import KEYPOINTS

LEAVES = dict(
    mmpose='pose/hrnet_w18_small_v1_tiny-pose.py',
    mmseg='seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
    mmdet='det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py',
    mmpretrain='cls/hrnetc_w18_small_v1_tiny-cls.py',
)


@pytest.fixture
def run(monkeypatch):
    """Run the command; its result, and what it has written to the console."""

    def invoke(*arguments: object) -> tuple[int, str]:
        console = Console(file=io.StringIO(), width=100)
        monkeypatch.setattr('hrnet_mm.cli.data.console', console)
        done = CliRunner().invoke(main, ['check', *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.output + console.file.getvalue()

    return invoke


def test_a_good_data_set_ends_with_0_and_a_report(run, few_people, tmp_path):
    code, output = run(
        few_people / 'annotations/train.json', '--images', few_people / 'images/train',
        '--val', few_people / 'annotations/val.json',
        '--val-images', few_people / 'images/val', '--output', tmp_path,
    )  # fmt: skip
    assert code == 0, output
    assert 'No fault found.' in output
    assert str(tmp_path / 'report.html') in output
    page = (tmp_path / 'report.html').read_text()
    assert page.count('src="data:image/') == 2
    assert '<p class="sound">No fault found.</p>' in page
    assert 'http' not in page.replace('<!doctype html>', '')
    assert Image.open(tmp_path / 'annotations.jpg').size == (1280, 786)


def test_a_fault_ends_with_1_and_says_what_training_does(run, few_people, tmp_path):
    labels = Path(shutil.copytree(few_people / 'labels/train', tmp_path / 'labels'))
    array = np.array(Image.open(labels / '000003.png'))
    Image.fromarray(array + 3).save(labels / '000003.png')
    code, output = run(
        labels, '--images', few_people / 'images/train',
        '--classes', 'background,head,torso,arms,legs', '--output', tmp_path / 'out',
    )  # fmt: skip
    assert code == 1, output
    assert 'stops: training stops with an error' in output
    page = (tmp_path / 'out/report.html').read_text()
    assert '<code>000003.png</code>' in page
    assert 'which are no class' in page
    assert '<p class="stops">Findings: 1 stops' in page


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        ([], 'needs --images'),
        (['--images', '.', '--val', '.'], 'not the same kind'),
        (['--images', '.', '--val-images', '.'], '--val-images needs --val'),
    ],
)
def test_options_that_do_not_fit_are_one_message(run, words, says, few_people):
    code, output = run(few_people / 'annotations/val.json', *words)
    assert code == 1
    assert says in output


def test_what_is_no_data_is_refused(run, tmp_path, root, few_people):
    assert 'train and val, which are no classes' in run(few_people / 'crops')[1]
    (tmp_path / 'a.txt').write_text('')
    assert 'neither a config' in run(tmp_path / 'a.txt')[1]
    images = few_people / 'images/train'
    for folder, words in ((tmp_path, []), (tmp_path, ['--images', images])):
        output = ' '.join(run(folder, *words)[1].split())
        assert f'has annotation files, such as {tmp_path}/a.txt' in output
        assert 'run `hrnet-mm new`, then check its config' in output
    (tmp_path / 'a.txt').unlink()
    assert 'needs --classes' in run(tmp_path, '--images', tmp_path)[1]
    config = root / 'configs' / LEAVES['mmpose']
    assert 'only the option --output' in run(config, '--images', tmp_path)[1]


def read_config(library: str, people: Path, root: Path, monkeypatch) -> Config:
    pytest.importorskip(library)
    monkeypatch.setenv('TINY_PEOPLE', str(people))
    return Config.fromfile(str(root / 'configs' / LEAVES[library]))


@pytest.mark.parametrize('library', LEAVES)
def test_the_data_of_a_config_are_checked(library, few_people, root, monkeypatch):
    found = splits_of_config(read_config(library, few_people, root, monkeypatch))
    assert [split.name for split in found['splits']] == ['train', 'val', 'test']
    report = check(**found)
    # so few images have not all poses
    unsound = [it for it in report.findings if 'no example' not in it.message]
    assert unsound == []
    assert report.summary['train'].images >= 20
    assert bool(found['keypoints']) == (library == 'mmpose')


@pytest.mark.parametrize('library', LEAVES)
def test_folders_that_are_not_there_are_named(library, root, monkeypatch, run):
    monkeypatch.setenv('TINY_PEOPLE', '/no/such')
    pytest.importorskip(library)
    code, output = run(root / 'configs' / LEAVES[library])
    assert code == 1
    assert 'train has no folder of images: /no/such/' in ' '.join(output.split())


def test_anchors_are_those_of_the_config(few_people, root, monkeypatch):
    cfg = read_config('mmdet', few_people, root, monkeypatch)
    anchors = splits_of_config(cfg)['anchors']
    assert (anchors.smallest, anchors.overlap) == (4 * 4, 0.3)
    assert anchors.enlargement(192, 160) == 1  # its pipeline does not resize
    coco = Config.fromfile(
        str(root / 'configs/det/faster-rcnn_hrnetv2p_w18_coco-1x.py')
    )
    anchors = splits_of_config(coco)['anchors']
    assert anchors.smallest == 32
    assert anchors.enlargement(640, 480) == 800 / 480


def test_objects_without_an_outline_are_found_if_masks_are_loaded(
    few_people, root, monkeypatch, tmp_path
):
    cfg = read_config('mmdet', few_people, root, monkeypatch)
    content = json.loads((few_people / 'annotations/train.json').read_text())
    for annotation in content['annotations']:
        annotation.pop('segmentation')
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(content))
    cfg.train_dataloader.dataset.ann_file = str(path)
    train = only(cfg, 'train')
    train.model = cfg.model
    report = check(**splits_of_config(train))
    assert [(one.effect, 'outline' in one.message) for one in report.findings] == [
        ('stops', False),
        ('skipped', True),
    ]
    pipeline = train.train_dataloader.dataset.pipeline
    next(step for step in pipeline if 'with_mask' in step).with_mask = False
    assert check(**splits_of_config(train)).findings == []


@pytest.mark.parametrize(
    ('leaf', 'keypoints'),
    [
        ('hrnet_w32_coco-wholebody-256x192', 133),
        ('hrnetv2_w18_coco-wholebody-face-256x256', 68),
    ],
)
def test_parts_of_whole_bodies_are_checked_as_they_are_trained(
    leaf, keypoints, real_coco, root, tmp_path
):
    pytest.importorskip('mmpose')
    from mmpose.registry import DATASETS

    file = real_coco / 'annotations/test_coco_wholebody.json'
    content = json.loads(file.read_text())
    valid = [it for it in content['annotations'] if it['face_valid']]
    valid[0]['num_keypoints'] = 0  # of the body
    valid[1]['face_valid'] = False
    (tmp_path / 'people.json').write_text(json.dumps(content))
    cfg = only(Config.fromfile(root / f'configs/pose/{leaf}.py'), 'train')
    cfg.train_dataloader.dataset.update(
        data_root=str(real_coco),
        data_prefix=dict(img='val2017/'),
        ann_file=str(tmp_path / 'people.json'),
    )
    report = check(**splits_of_config(cfg))
    (summary,) = report.summary.values()
    assert len(summary.keypoints) == keypoints
    skipped = sum(
        int(re.search(r'\d+', one.message)[0])
        for one in report.findings
        if one.effect == 'skipped'
    )
    trained = len(DATASETS.build(cfg.train_dataloader.dataset))
    assert summary.annotations - skipped == trained > 2


def only(cfg: Config, split: str) -> Config:
    loader = f'{split}_dataloader'
    return Config({loader: cfg[loader], 'default_scope': cfg.default_scope})


def test_labels_are_those_of_the_config(few_people, root, monkeypatch):
    cfg = read_config('mmseg', few_people, root, monkeypatch)
    train = cfg.train_dataloader.dataset
    train.update(metainfo=dict(classes=('legs', 'head')))
    labels = splits_of_config(only(cfg, 'train'))['labels']
    assert labels.values == (4, 1)
    assert labels.ignored == {0, 2, 3, 255}
    train.update(type='hrnet_mm.LabelMaps', label_values=(0, 255))
    labels = splits_of_config(only(cfg, 'train'))['labels']
    assert labels.values == (0, 255)


def test_a_data_set_that_validates_on_its_training_images_is_found(
    few_people, root, monkeypatch
):
    cfg = read_config('mmpose', few_people, root, monkeypatch)
    train = cfg.train_dataloader.dataset
    cfg.val_dataloader.dataset.update(
        ann_file=train.ann_file, data_prefix=train.data_prefix
    )
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=train)
    found = splits_of_config(cfg)
    assert [split.name for split in found['splits']] == ['train', 'val', 'test']
    (leak,) = check(**found).findings
    assert leak.effect == 'wrong'
    assert '20 images of val are in train, too' in leak.message


def test_formats_that_it_cannot_read_are_named(root, monkeypatch, few_people):
    cfg = read_config('mmpose', few_people, root, monkeypatch)
    cfg.train_dataloader.dataset.type = 'hrnet_mm.MpiiPose'
    with pytest.raises(ValueError, match='MpiiPose, which has a format of its own'):
        splits_of_config(cfg)
    leaf = 'configs/seg/hrnetv2-depth_w18_small_v1_tiny-depth.py'
    with pytest.raises(ValueError, match='TinyDepth with depth maps, which `check`'):
        splits_of_config(Config.fromfile(root / leaf))


def test_text_of_a_data_set_is_no_markup(tmp_path, few_people):
    report = Report([Finding('note', '<b>a</b> [red]b[/]', ('[/x].jpg',))])
    page = write_report(report, tmp_path, 'a <title>').read_text()
    assert '&lt;b&gt;a&lt;/b&gt;' in page
    assert '<h1>a &lt;title&gt;</h1>' in page


@pytest.mark.parametrize('name', ['left_eye', 'L_Eye', 'left eye', 'LeftEye', 'l-eye'])
def test_sides_are_read_from_names(name):
    assert side_name(name) == 'left_eye'
    assert side_name('lower_lip') == 'lower_lip'


def test_real_people_are_not_exchanged_until_somebody_exchanges_them(real_coco):
    file = real_coco / 'annotations/person_keypoints_tiny.json'
    people = np.array(
        [
            np.reshape(it['keypoints'], (17, 3))
            for it in json.loads(file.read_text())['annotations']
        ],
        float,
    )
    places = [str(i) for i in range(len(people))]
    assert not list(exchanged_sides(KEYPOINTS, people, places, 'train'))
    lying = people[..., [1, 0, 2]] * [-1, 1, 1]
    assert not list(exchanged_sides(KEYPOINTS, lying, places, 'train'))
    wrong = people[:, [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]]
    (found,) = exchanged_sides(KEYPOINTS, wrong, places, 'train')
    assert found.effect == 'wrong'


@pytest.mark.parametrize(
    ('folder', 'file'),
    [
        ('coco/val2017', 'coco/annotations/person_keypoints_tiny.json'),
        ('wflw', 'wflw/test_wflw.json'),
        ('300w', '300w/test_300w.json'),
        ('cofw', 'cofw/test_cofw.json'),
        ('ap10k', 'ap10k/test_ap10k.json'),
    ],
)
def test_real_keypoints_are_sound(run, folder, file, real_faces, tmp_path):
    code, output = run(
        real_faces / file, '--images', real_faces / folder, '--output', tmp_path
    )
    assert code == 0, output


def test_real_label_maps_are_sound(real_cityscapes, root, monkeypatch):
    pytest.importorskip('mmseg')
    monkeypatch.setenv('CITYSCAPES', str(real_cityscapes))
    cfg = Config.fromfile(str(root / 'configs/seg/hrnetv2_w48_cityscapes-512x1024.py'))
    report = check(**splits_of_config(only(cfg, 'val')))
    assert report.is_sound
    assert report.summary['val'].classes['road'] == 1
    assert 'have no example in val' in report.findings[-1].message
