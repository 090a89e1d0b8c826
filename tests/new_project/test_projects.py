"""`hrnet-mm new` writes configs that build and train, for every task and format."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import exports
import numpy as np
import pytest
from click.testing import CliRunner
from jobs import Job
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image, ImageOps
from rich.console import Console
from torch import nn

from hrnet_mm.building import build_model
from hrnet_mm.cli import main
from hrnet_mm.data_check.findings import Report, finding
from hrnet_mm.datasets.metainfo import metainfo_of
from hrnet_mm.new_project import FormatError, Request, create
from hrnet_mm.new_project.bases import find_base, find_library
from hrnet_mm.new_project.joints import find_swaps
from hrnet_mm.new_project.machine import Machine
from hrnet_mm.new_project.segmentation import _palette
from hrnet_mm.new_project.settings import (
    Facts,
    Plan,
    choose_anchors,
    choose_batch,
    choose_detection_size,
    choose_schedule,
)

SHARED_DATA = Path(__file__).resolve().parents[3] / 'shared/data'
TWO_EPOCHS = ('--cfg-options', 'train_cfg.max_epochs=2')
SHORT = (
    '--cfg-options', 'train_cfg.max_epochs=1', 'train_dataloader.dataset.indices=600',
)  # fmt: skip
SCOPES = dict(pose='mmpose', det='mmdet', seg='mmseg', cls='mmpretrain')


def export(people: Path, format_: str, folder: Path, *, val: bool = False) -> dict:
    """The arguments of Request for an export of TinyPeople.

    With ``val``, formats of one set of images get those of the validation as well.
    """
    if format_ == 'maps':
        return dict(images=people / 'images', annotations=(people / 'labels',))
    if format_ == 'folders':
        return dict(images=people / 'crops')
    if format_ in ('boxes', 'keypoints', 'polygons'):
        file = exports.to_yolo(people, folder / 'yolo', format_)
        return dict(images=None, annotations=(file,))
    given = dict(
        images=people / 'images/train',
        annotations=(_export_split(people, format_, folder, 'train'),),
    )
    if val or format_ == 'coco':
        given.update(
            val_images=people / 'images/val',
            val_annotations=(_export_split(people, format_, folder, 'val'),),
        )
    return given


def _export_split(people: Path, format_: str, folder: Path, split: str) -> Path:
    if format_ == 'labelme':
        return exports.to_labelme(people, split, folder / f'labelme_{split}')
    if format_ == 'voc':
        return exports.to_voc(people, split, folder / f'voc_{split}')
    if format_ == 'coco':
        return people / f'annotations/{split}.json'
    return exports.to_cvat(people, split, folder / f'{split}.xml', format_)


CASES = [
    ('pose', 'labelme', None),
    ('pose', 'skeleton', None),
    ('pose', 'keypoints', 'hrnet_w32_coco-256x192'),
    ('pose', 'coco', 'hrnetv2_w18_wflw-256x256'),
    ('det', 'voc', None),
    ('det', 'boxes', 'faster-rcnn_hrnetv2p_w18_coco-2x'),
    ('det', 'polygon', 'cascade-mask-rcnn_hrnetv2p_w18_coco-20e'),
    ('seg', 'maps', None),
    ('seg', 'polygon', 'hrnetv2-ocr_w48_cityscapes-512x1024'),
    ('cls', 'folders', None),
    ('cls', 'folders', 'hrnetc_w18_imagenet'),
]


@pytest.mark.parametrize(('task', 'format_', 'base'), CASES)
def test_the_config_builds_and_its_data_sets_give_samples(
    task, format_, base, few_people, tmp_path
):
    pytest.importorskip(SCOPES[task])
    request = Request(task, **export(few_people, format_, tmp_path))
    folder = create(request, tmp_path / 'mine', base).folder
    cfg = Config.fromfile(folder / 'config.py')
    model = build_model(cfg, 'meta')
    init_default_scope(SCOPES[task])
    for split in ('train', 'val'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        assert len(dataset) > 2
        assert dataset[0]['inputs'].shape[0] == 3
    classes = dataset.metainfo.get('classes') or dataset.metainfo['keypoint_id2name']
    assert outputs_of(model) == len(classes)
    assert 'mim train' in (folder / 'README.md').read_text()
    if task in ('pose', 'det'):
        content = json.loads((folder / 'annotations/val.json').read_text())
        assert all(it['area'] > 0 for it in content['annotations'])
    if task == 'seg':
        colours = [
            tuple(colour) for colour in cfg.train_dataloader.dataset.metainfo.palette
        ]
        assert len({*colours}) == len(classes)
        assert ((0, 0, 0) in colours) == (classes[0] == 'background')


def test_the_commands_fit_the_data_and_paths_with_spaces(
    few_people, tmp_path, monkeypatch
):
    """Top-down pose takes the boxes of the validation images from their file."""
    console = Console(file=io.StringIO())
    monkeypatch.setattr('hrnet_mm.cli.projects.console', console)
    report = Report([finding('note', 'look at it')])
    monkeypatch.setattr('hrnet_mm.new_project.project.check', lambda **given: report)
    images = tmp_path / 'my photos'
    shutil.copytree(few_people / 'images/train', images)
    words = [
        'new', 'pose', '--images', images, '--output', tmp_path / 'the project',
        '--annotations', few_people / 'annotations/train.json',
    ]  # fmt: skip
    done = CliRunner().invoke(main, [str(it) for it in words])
    assert done.exit_code == 0, done.output
    root = f"'{tmp_path}/the project"
    command = (
        f"hrnet-mm predict {root}/config.py' {root}/work'/best_*.pth '{images}' "
        f"--boxes {root}/annotations/val.json'"
    )
    for name in ('README.md', 'config.py'):
        assert command in (tmp_path / 'the project' / name).read_text()
    assert {command, 'note: look at it'} <= {*console.file.getvalue().splitlines()}


def test_colours_of_classes_differ_and_are_left_out_if_there_are_too_many():
    tiny, cityscapes = (
        find_base(find_library('seg'), name, GPU)
        for name in (None, 'hrnetv2_w18_cityscapes-512x1024')
    )
    for base in (tiny, cityscapes):
        metainfo = metainfo_of(base.config.train_dataloader.dataset)
        assert _palette([*metainfo['classes']], base)['palette'] == [
            tuple(colour) for colour in metainfo['palette']
        ]
    for number in (2, 10, 11, 20):
        palette = _palette([f'class_{i}' for i in range(number)], tiny)['palette']
        assert len({*palette}) == number
    assert not _palette([f'class_{i}' for i in range(21)], tiny)


def test_classes_without_names_are_told_by_their_values(few_people, tmp_path):
    request = Request('seg', **export(few_people, 'maps', tmp_path))
    choices = create(request, tmp_path / 'mine').choices
    assert next(row[:2] for row in choices if row[0] == 'classes') == ('classes', '5')
    assert any('values 0 to 4 of the label maps' in row[2] for row in choices)


def outputs_of(model) -> int:
    head = getattr(model, 'decode_head', None) or getattr(model, 'head', None)
    head = head or model.roi_head.bbox_head
    head = head[-1] if isinstance(head, nn.ModuleList) else head
    return getattr(head, 'num_classes', None) or head.out_channels


def test_own_keypoints_are_described_in_joints(few_people, tmp_path):
    """Keypoints other than the base's: the head and joints.py follow the data."""
    content = json.loads((few_people / 'annotations/train.json').read_text())
    names = ['left_paw', 'right_paw', 'tail']
    category = content['categories'][0]
    category.update(keypoints=names, skeleton=[[1, 3]])
    for it in content['annotations']:
        it.update(keypoints=it['keypoints'][15:24], num_keypoints=3)
    file = tmp_path / 'a.json'
    file.write_text(json.dumps(content))
    request = Request('pose', few_people / 'images/train', (file,))
    project = create(request, tmp_path / 'mine')
    cfg = Config.fromfile(project.folder / 'config.py')
    assert cfg.model.head.out_channels == 3
    init_default_scope('mmpose')
    metainfo = DATASETS.build(cfg.train_dataloader.dataset).metainfo
    assert metainfo['keypoint_id2name'] == dict(enumerate(names))
    assert metainfo['flip_indices'] == [1, 0, 2]
    assert metainfo['skeleton_links'] == [(0, 2)]
    assert any(row[0] == 'sigmas of AP' for row in project.choices)


def test_sides_are_found_from_names():
    names = ['left eye', 'right eye', 'nose', 'L_hip', 'R_hip', 'tail']
    assert find_swaps(names) == {
        'left eye': 'right eye', 'right eye': 'left eye',
        'L_hip': 'R_hip', 'R_hip': 'L_hip',
    }  # fmt: skip


def test_one_set_is_split_by_seed_and_nothing_is_in_both(few_people, tmp_path):
    def names(split: str, **changes) -> list[str]:
        folder = tmp_path / f'{split}{len(list(tmp_path.iterdir()))}'
        data = few_people / 'images/train', (few_people / 'annotations/train.json',)
        create(Request('det', *data, **changes), folder)
        content = json.loads((folder / f'annotations/{split}.json').read_text())
        return [image['file_name'] for image in content['images']]

    train, val = names('train'), names('val')
    assert not set(train) & set(val)
    assert len(train) == 16
    assert len(val) == 4
    assert names('val') == val
    assert names('val', seed=1) != val


def test_an_existing_project_is_not_touched(few_people, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/config.py').write_text('edited')
    arguments = [
        'new', 'cls', '--images', few_people / 'crops', '--output', tmp_path / 'mine',
    ]  # fmt: skip
    shown = CliRunner().invoke(main, [str(it) for it in arguments])
    assert shown.exit_code == 2
    assert 'not empty' in shown.output
    assert (tmp_path / 'mine/config.py').read_text() == 'edited'


def test_data_that_does_not_fit_is_refused_and_nothing_is_written(few_people, tmp_path):
    voc = export(few_people, 'voc', tmp_path)
    for task, base, message in (
        ('pose', None, 'has no keypoints'),
        ('det', 'mask-rcnn_hrnetv2p_w18_coco-1x', 'have no outline'),
        ('det', 'mask-rcnn_w18', 'nearest names'),
        ('pose', 'higher-hrnet_w32_coco-512x512', 'bottom-up'),
    ):
        with pytest.raises(ValueError) as error:
            create(Request(task, **voc), tmp_path / 'mine', base)
        assert message in str(error.value)
    assert sorted(it.name for it in tmp_path.iterdir()) == ['voc_train']


def test_a_picture_is_not_a_label_map(few_people, tmp_path):
    shutil.copytree(few_people / 'labels/train', tmp_path / 'labels')
    Image.new('RGB', (192, 160)).save(tmp_path / 'labels/000003.png')
    request = Request('seg', few_people / 'images/train', (tmp_path / 'labels',))
    with pytest.raises(FormatError, match=r'000003\.png is a picture of 3 channels'):
        create(request, tmp_path / 'mine')


def test_tags_of_cvat_are_classes(few_people, tmp_path):
    images = few_people / 'images/train'
    tags = ''.join(
        f'<image name="{path.stem}.jpg" width="192" height="160">'
        f'<tag label="{"even" if i % 2 else "odd"}" /></image>'
        for i, path in enumerate(sorted(images.glob('*.jpg')))
    )
    file = tmp_path / 'a.xml'
    file.write_text(f'<annotations>{tags}</annotations>')
    folder = create(Request('cls', images, (file,)), tmp_path / 'mine').folder
    both = [folder / f'annotations/{split}.txt' for split in ('train', 'val')]
    train, val = (path.read_text().splitlines() for path in both)
    assert '000001.jpg 1' in train + val  # even, odd
    assert (len(train), len(val)) == (16, 4)


def test_keypoints_without_names_are_not_flipped(few_people, tmp_path):
    content = json.loads((few_people / 'annotations/train.json').read_text())
    del content['categories'][0]['keypoints']
    for it in content['annotations']:
        it['keypoints'] = it['keypoints'][:12]
        it['num_keypoints'] = 4
    file = tmp_path / 'a.json'
    file.write_text(json.dumps(content))
    request = Request('pose', few_people / 'images/train', (file,))
    cfg = Config.fromfile(create(request, tmp_path / 'mine').folder / 'config.py')
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert not any('RandomFlip' in step for step in steps)
    assert 'hrnet_mm.PackTopdown' in steps


def test_a_fault_that_stops_training_stops_new(few_people, tmp_path, monkeypatch):
    fault = finding('stops', 'an image cannot be read')
    monkeypatch.setattr(
        'hrnet_mm.new_project.project.check', lambda **given: Report([fault], {}, [])
    )
    request = Request('det', **export(few_people, 'coco', tmp_path))
    with pytest.raises(FormatError, match='training would stop: an image cannot'):
        create(request, tmp_path / 'mine')
    assert not (tmp_path / 'mine').exists()


def test_a_project_has_the_report_of_the_check(few_people, tmp_path):
    request = Request('det', **export(few_people, 'coco', tmp_path))
    project = create(request, tmp_path / 'mine')
    assert not project.findings
    assert (tmp_path / 'mine/check/report.html').is_file()


FACTS = Facts(1000, 'images', (1920, 1080), False, tuple(range(8, 108)))
GPU = Machine(8, 24 * 2**30, 'a GPU')


def test_batch_fits_the_gpu_and_the_rate_follows_it():
    base = find_base(find_library('det'), None, GPU)
    assert base.name == 'faster-rcnn_hrnetv2p_w18_coco-2x'
    plan = Plan()
    choose_batch(plan, base, FACTS, GPU, lambda: int(2.2e9))
    assert plan.batch == 1
    choose_schedule(plan, base, FACTS, 'det')
    assert plan.settings['optim_wrapper'] == dict(optimizer=dict(lr=0.02 / 16))
    assert plan.settings['auto_scale_lr'] == dict(base_batch_size=1)
    assert plan.settings['train_cfg']['max_epochs'] == 12


def test_the_rate_of_adam_follows_the_square_root_of_the_batch():
    base = find_base(find_library('pose'), 'hrnet_w32_coco-256x192', GPU)
    plan = Plan(batch=128)
    choose_schedule(plan, base, FACTS, 'pose')  # 5e-4 for a batch of 512
    assert plan.settings['optim_wrapper'] == dict(optimizer=dict(lr=2.5e-4))


def test_small_objects_get_smaller_anchors():
    base = find_base(find_library('det'), None, GPU)
    plan = Plan()
    factor = choose_detection_size(plan, base, FACTS)
    assert factor == pytest.approx(1333 / 1920)
    choose_anchors(plan, base, FACTS, factor)
    assert plan.settings['model']['rpn_head']['anchor_generator'] == dict(scales=[4])


def test_tiny_bases_train_as_long_as_by_hand():
    """On data of TinyPeople's size, the schedule is that of the hand-written config."""
    samples = dict(pose=1550, seg=1000, det=1000, cls=1550)
    for task, number in samples.items():
        base = find_base(find_library(task), None, Machine(2))
        plan = Plan()
        choose_batch(
            plan, base, Facts(number, 'images', (192, 160), True), Machine(2), int
        )
        choose_schedule(plan, base, Facts(number, 'images', (192, 160), True), task)
        assert plan.settings == dict(train_dataloader={}), task


@pytest.mark.jobs
@pytest.mark.parametrize(
    ('task', 'format_', 'score'),
    [
        ('pose', 'labelme', 'coco/AP'),
        ('det', 'voc', 'coco/bbox_mAP'),
        ('seg', 'polygon', 'mIoU'),
        ('cls', 'folders', 'accuracy/top1'),
    ],
)
def test_mim_trains_what_new_wrote(task, format_, score, few_people, tmp_path, mim):
    pytest.importorskip(SCOPES[task])
    request = Request(task, **export(few_people, format_, tmp_path))
    folder = create(request, tmp_path / 'mine').folder
    done = mim(
        'train', SCOPES[task], folder / 'config.py', '--work-dir', tmp_path / 'work',
        '--cfg-options', 'train_cfg.max_epochs=1', 'param_scheduler=None',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert Job(tmp_path / 'work').scores(score)


# What the tests `..._in_minutes` of the hand-written configs train, and their bounds.
@pytest.mark.sweep
@pytest.mark.parametrize(
    ('task', 'format_', 'base', 'options', 'score', 'bound'),
    [
        ('pose', 'labelme', 'hrnet_{}pose', (), 'coco/AP', 0.8),
        ('det', 'polygon', 'mask-rcnn_hrnetv2p_{}det', SHORT, 'coco/segm_mAP_50', 0.3),
        ('det', 'polygons', 'mask-rcnn_hrnetv2p_{}det', SHORT, 'coco/segm_mAP_50', 0.3),
        ('det', 'voc', 'faster-rcnn_hrnetv2p_{}det', SHORT, 'coco/bbox_mAP_50', 0.4),
        ('seg', 'maps', 'hrnetv2-ocr_{}seg', SHORT, 'mIoU', 35),
        ('cls', 'folders', 'hrnetc_{}cls', TWO_EPOCHS, 'accuracy/top1', 35),
    ],
)
def test_an_export_trains_as_well_as_the_config_by_hand(
    task, format_, base, options, score, bound, tiny_people, tmp_path, mim
):
    pytest.importorskip(SCOPES[task])
    request = Request(task, **export(tiny_people, format_, tmp_path, val=True))
    base = base.format('w18_small_v1_tiny-')
    folder = create(request, tmp_path / 'mine', base).folder
    work = tmp_path / 'work'
    done = mim(
        'train', SCOPES[task], folder / 'config.py', '--work-dir', work, *options
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert max(Job(work).scores(score)) >= bound


# 300W, COFW, JHMDB, AIC, Panoptic and Horse-10 have the same form.
REAL = [
    ('pose', 'coco/val2017', 'coco/annotations/person_keypoints_tiny.json'),
    ('pose', 'coco/val2017', 'coco/annotations/test_coco_wholebody.json'),
    ('pose', 'wflw', 'wflw/test_wflw.json'),
    ('pose', 'onehand10k', 'onehand10k/test_onehand10k.json'),
    ('pose', 'freihand', 'freihand/test_freihand.json'),
    ('pose', 'ap10k', 'ap10k/test_ap10k.json'),
    ('pose', 'animalpose', 'animalpose/test_animalpose.json'),
    ('pose', 'macaque', 'macaque/test_macaque.json'),
    ('pose', 'atrw', 'atrw/test_atrw.json'),
    ('det', 'coco/val2017', 'coco/annotations/person_keypoints_tiny.json'),
]


@pytest.mark.sweep
@pytest.mark.parametrize(('task', 'images', 'annotations'), REAL)
def test_real_annotations_train(task, images, annotations, tmp_path, mim):
    pytest.importorskip(SCOPES[task])
    if not (SHARED_DATA / annotations).is_file():
        pytest.skip(f'no real images: ../shared/data/{annotations} is absent')
    request = Request(task, SHARED_DATA / images, (SHARED_DATA / annotations,))
    check_training(task, create(request, tmp_path / 'mine').folder, tmp_path, mim)


@pytest.mark.sweep
def test_cityscapes_trains(tmp_path, mim):
    pytest.importorskip('mmseg')
    source = SHARED_DATA / 'cityscapes'
    if not source.is_dir():
        pytest.skip('no real images: ../shared/data/cityscapes is absent')
    # two sets of one image, of which one is mirrored
    for kind, mode in (('leftImg8bit', 'RGB'), ('gtFine', 'L')):
        end = '*_leftImg8bit.png' if mode == 'RGB' else '*_gtFine_labelTrainIds.png'
        (path,) = (source / kind).rglob(end)
        for split in ('train', 'val'):
            (tmp_path / kind / split).mkdir(parents=True)
            shutil.copy(path, tmp_path / kind / split / path.name)
        mirrored = ImageOps.mirror(Image.open(path).convert(mode))
        mirrored.save(tmp_path / kind / 'train' / path.name)
    request = Request(
        'seg',
        tmp_path / 'leftImg8bit',
        (tmp_path / 'gtFine',),
        label_suffix='_gtFine_labelTrainIds.png',
    )
    check_training('seg', create(request, tmp_path / 'mine').folder, tmp_path, mim)


def check_training(task: str, folder: Path, tmp_path: Path, mim) -> None:
    """It trains for some epochs, and the loss falls."""
    done = mim(
        'train', SCOPES[task], folder / 'config.py', '--work-dir', tmp_path / 'work',
        '--cfg-options', 'train_cfg.max_epochs=20', 'train_cfg.val_interval=20',
        'param_scheduler=None', 'default_hooks.logger.interval=1',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    job = Job(tmp_path / 'work')
    losses = [*job.losses().values()]
    assert len(losses) >= 20
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert 'loss' not in job.rows()[-1]  # the scores of the validation
