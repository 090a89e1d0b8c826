"""Data sets of faces read the published files, and crops keep whole faces."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmdet')

import torch
from jobs import Job
from mmdet.registry import DATASETS, TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from PIL import Image
from wider_faces import Drawn

from hrnet_mm.data_check.config import splits_of_config
from hrnet_mm.datasets.annotations import AnnotationError
from hrnet_mm.det.faces import read_wider_face

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAF = CONFIGS / 'det/retinanet_hrnetv2p_w18_wider-face-640x640.py'
FILE = 'wider_face_train_bbx_gt.txt'
# x, y, width, height, blur, expression, illumination, invalid, occlusion, pose
TRUTH = """0--Parade/0_Parade_1.jpg
3
10 12 20 30 1 0 0 0 2 0 \n\
40 12 20 30 0 0 0 1 0 0 \n\
60 50 5 7 2 0 0 0 0 0 \n\
0--Parade/0_Parade_2.jpg
0
0 0 0 0 0 0 0 0 0 0 \n\
1--Car/1_Car_3.jpg
2
70 3 0 9 2 0 0 0 0 0 \n\
20 30 25 31 0 1 1 0 0 1 \n"""


@pytest.fixture
def wider(tmp_path):
    """Build a data set of WIDER FACE with the text of its file."""
    init_default_scope('mmdet')

    def build(text: str = TRUTH, **kwargs):
        (tmp_path / FILE).write_text(text)
        for name in re.findall('.*jpg', text):
            path = tmp_path / 'images' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new('RGB', (120, 90)).save(path)
        pipeline = Config.fromfile(str(LEAF)).train_dataloader.dataset.pipeline
        cfg = dict(
            type='hrnet_mm.WiderFace', data_root=str(tmp_path), ann_file=FILE,
            data_prefix=dict(img='images'), pipeline=pipeline,
        )  # fmt: skip
        return DATASETS.build({**cfg, **kwargs})

    return build


def boxes(sample: dict, ignored: bool = False) -> list[list[float]]:
    return [it['bbox'] for it in sample['instances'] if it['ignore_flag'] == ignored]


def test_faces_of_the_published_file(wider, said):
    dataset = wider()
    first, without, last = (dataset.get_data_info(i) for i in range(3))
    assert dataset.metainfo['classes'] == ('face',)
    assert boxes(first) == [[10, 12, 30, 42], [60, 50, 65, 57]]
    assert boxes(first, ignored=True) == [[40, 12, 60, 42]]
    assert without['instances'] == []
    assert boxes(last) == [[20, 30, 45, 61]]
    assert last['img_path'].endswith('images/1--Car/1_Car_3.jpg')
    assert (last['width'], last['height']) == (120, 90)
    assert '1 face of 5 smaller than a pixel' in said.text
    assert '1 face of 5 of a crowd or to be ignored' in said.text


def test_small_faces_are_ignored_in_training_as_in_mmdet(wider, said):
    filters = dict(filter_empty_gt=True, bbox_min_size=6)
    dataset = wider(filter_cfg=filters)
    assert len(dataset) == 2
    sample = dataset.get_data_info(0)
    assert boxes(sample) == [[10, 12, 30, 42]]
    assert boxes(sample, ignored=True) == [[40, 12, 60, 42], [60, 50, 65, 57]]
    assert '1 face of 5 smaller than 6 pixels, which the losses ignore' in said.text


def test_a_batch_of_the_recipe_has_faces_to_train_and_to_ignore(wider):
    torch.manual_seed(0)
    np.random.seed(0)
    dataset = wider(filter_cfg=dict(filter_empty_gt=True, bbox_min_size=6))
    ignored = 0
    for _ in range(20):
        sample = dataset[0]
        assert sample['inputs'].shape == (3, 640, 640)
        assert len(sample['data_samples'].gt_instances.bboxes) > 0
        ignored += len(sample['data_samples'].ignored_instances.bboxes)
    assert ignored > 0


@pytest.mark.parametrize('zeros', [True, False], ids=['zeros', 'nothing'])
def test_images_without_faces_may_have_a_line_of_zeros(tmp_path, zeros):
    line = '0 0 0 0 0 0 0 0 0 0\n' if zeros else ''
    (tmp_path / FILE).write_text(f'a/1.jpg\n0\n{line}a/2.jpg\n0\n{line}')
    content = read_wider_face(str(tmp_path / FILE))
    assert [it['file_name'] for it in content['images']] == ['a/1.jpg', 'a/2.jpg']
    assert content['annotations'] == []


FACE = '1 2 3 4 0 0 0 0 0 0'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (f'{FACE}\n', r"line 1 .* '1 2 .*', not the path of an image"),
        (f'a/1.jpg\n{FACE}\n', r"has '1 2 .*' below a/1\.jpg, not its number"),
        ('a/1.jpg\n', 'ends before the number of faces of a/1.jpg'),
        (f'a/1.jpg\n2\n{FACE}\n', 'ends before faces of a/1.jpg'),
        ('a/1.jpg\n1\n1 2 3 4\n', r"line 3 .* '1 2 3 4', not 10 integers.*invalid"),
        (f'a/1.jpg\n2\n{FACE}\na/2.jpg\n', r"line 4 .* 'a/2\.jpg', not 10 integers"),
        (f'a/1.jpg\n1\n{FACE}\n{FACE}\n', r'line 4 .* not the path of an image'),
    ],
)
def test_damaged_files_are_named(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(AnnotationError, match=message):
        read_wider_face(str(tmp_path / FILE))


def test_missing_files_are_named_with_their_source(tmp_path):
    data = dict(type='hrnet_mm.WiderFace', data_root=str(tmp_path), ann_file=FILE)
    with pytest.raises(FileNotFoundError, match=r'shuoyang1213.*WIDER_FACE=FOLDER'):
        DATASETS.build(dict(data, data_prefix=dict(img=''), pipeline=[]))


def test_faces_of_tiny_people(few_people):
    """Squares around nose and eyes, inside the image, of whoever shows them."""
    init_default_scope('mmdet')
    cfg = dict(data_root=str(few_people), ann_file='annotations/train.json')
    cfg['data_prefix'] = dict(img='images/train')
    faces = DATASETS.build(dict(cfg, type='hrnet_mm.TinyFaces', pipeline=[]))
    people = DATASETS.build(dict(cfg, type='hrnet_mm.TinyDet', pipeline=[]))
    assert faces.metainfo['classes'] == ('face',)
    assert len(faces) == len(people)  # the same file, read in two ways
    number = {
        data: sum(len(data.get_data_info(i)['instances']) for i in range(len(data)))
        for data in (faces, people)
    }
    assert 0 < number[faces] < number[people]
    for i in range(len(faces)):
        sample = faces.get_data_info(i)
        bodies = np.array(boxes(people.get_data_info(i)))
        for x1, y1, x2, y2 in boxes(sample):
            assert 0 <= x1 < x2 <= sample['width']
            assert 0 <= y1 < y2 <= sample['height']
            x, y = (x1 + x2) / 2, (y1 + y2) / 2
            low, high = bodies[:, :2] - 1, bodies[:, 2:] + 1
            assert ((low < (x, y)) & ((x, y) < high)).all(axis=1).any()


def cropped(shares: tuple[float, ...], faces: list[list[float]], ignored: list[bool]):
    crop = TRANSFORMS.build(dict(type='hrnet_mm.RandomSquareCrop', shares=shares))
    y, x = np.indices((60, 100))
    return crop(
        dict(
            img=np.stack([x, y], axis=2),
            gt_bboxes=HorizontalBoxes(torch.tensor(faces)),
            gt_bboxes_labels=np.arange(len(faces)),
            gt_ignore_flags=np.array(ignored),
        )
    )


def test_crops_are_squares_that_keep_faces_by_their_centre():
    np.random.seed(0)
    faces = [[10.0, 10, 30, 30], [50, 20, 90, 50], [0, 40, 10, 50]]
    kept = []
    for _ in range(50):
        found = cropped((0.5, 0.8), faces, [False] * 3)
        if found is None:
            continue
        side = found['img_shape'][0]
        assert side in (30, 48)
        assert found['img'].shape == (side, side, 2)
        corner = found['img'][0, 0]  # x and y in the image
        labels = found['gt_bboxes_labels'].tolist()
        for i, face in enumerate(np.array(faces)):
            centre = (face[:2] + face[2:]) / 2 - corner
            assert (i in labels) == ((centre >= 0) & (centre < side)).all()
        wanted = np.array(faces)[labels] - np.tile(corner, 2)
        boxes = found['gt_bboxes'].tensor.numpy()
        np.testing.assert_allclose(boxes, wanted.clip(0, side))
        kept += labels
    assert {*kept} == {0, 1, 2}


def test_a_crop_without_a_face_to_train_is_dropped():
    faces = [[10.0, 10, 30, 30]]
    assert cropped((1.0,), [[-50.0, 10, -20, 30]], [False]) is None
    assert cropped((1.0,), [[45.0, 10, 55, 30]], [False]) is not None
    assert cropped((1.0,), faces, [True]) is None


def test_check_knows_how_much_crops_enlarge_faces():
    anchors = splits_of_config(Config.fromfile(str(LEAF)))['anchors']
    assert anchors.enlargement(1024, 768) == pytest.approx(640 / (0.3 * 768), rel=1e-3)
    assert anchors.smallest == pytest.approx(4 * 2 ** (4 / 3))


@pytest.mark.parametrize('shares', [(), (0.5, 1.5), (0,)])
def test_shares_of_crops_are_checked(shares):
    with pytest.raises(ValueError, match='numbers above 0 and up to 1'):
        cropped(shares, [[0.0, 0, 9, 9]], [False])


@pytest.mark.parametrize('steps', [1000, 40], ids='{} steps in an epoch'.format)
def test_the_rate_rises_and_restarts_every_30_epochs(steps):
    """A warm-up above the cosine would multiply the rate by ten."""
    cfg = Config.fromfile(str(LEAF))
    base = cfg.optim_wrapper.optimizer.lr
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    wrapper = OptimWrapper(optimizer)
    schedulers = [
        PARAM_SCHEDULERS.build(it, default_args=dict(optimizer=wrapper))
        for it in cfg.param_scheduler
    ]
    rates = []
    for _ in range(61):
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]['lr'])
            for it in schedulers:
                it.by_epoch or it.step()
        for it in schedulers:
            it.by_epoch and it.step()
    assert rates[0] == pytest.approx(base / 10)
    assert max(rates) == pytest.approx(base)
    for restart in (30, 60):
        assert rates[restart * steps] == pytest.approx(base)
        assert rates[restart * steps - 1] < base / 50


SMALL = """
thin = dict(in_channels=32, feat_channels=32, stacked_convs=1)
model = dict(
    backbone=dict(arch='w18_small_v1', init_cfg=None, norm_eval=False),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=32), bbox_head=thin)
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.mark.jobs
@pytest.mark.parametrize('detector', ['retinanet', 'fcos'])
def test_the_recipe_trains_and_scores(detector, write_config, tmp_path, mim):
    root = Drawn(0).write_data(tmp_path / 'wider_face')
    leaf = f'det/{detector}_hrnetv2p_w18_wider-face-640x640.py'
    config, job = write_config(leaf, SMALL), Job(tmp_path / 'work')
    done = mim(
        'train', 'mmdet', config, '--work-dir', job.work_dir, WIDER_FACE=str(root)
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert torch.tensor([*job.losses().values()]).isfinite().all()
    assert '15 images tested at 640 x 480 pixels' in said
    for subset in ('easy', 'medium', 'hard'):
        (score,) = job.scores(f'wider_face/{subset}')
        assert 0 <= score <= 1
