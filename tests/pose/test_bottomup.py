"""The stock runner trains, resumes and tests bottom-up models."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('mmpose')

from jobs import Job, kill_at, predict, score_of, show

from hrnet_mm.tiny_people import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
TINY = 'pose/higher-hrnet_w18_small_v1_tiny-crowd.py'


@pytest.fixture(scope='module')
def few_crowds(tmp_path_factory):
    root = tmp_path_factory.mktemp('few') / 'tiny_crowd'
    return TinyPeople(splits={'train': 8, 'val': 2, 'test': 2}, crowd=True).write(root)


QUICK = """
train_cfg = dict(max_epochs=2, val_interval=2)
train_dataloader = dict(batch_size=4)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
"""
# three scales and mirror images, one after the other
THOROUGH = """
model = dict(test_cfg=dict(flip_test=True, multiscale_test=True))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(t, aug_scales=[0.5, 2]) if t['type'] == 'BottomupResize' else t
    for t in _base_.test_dataloader.dataset.pipeline]))
"""


@pytest.mark.jobs
def test_a_model_is_trained_and_tested_at_several_scales(
    few_crowds, write_config, tmp_path, mim
):
    job = Job(tmp_path / 'work')
    config = write_config(TINY, QUICK)
    where = dict(TINY_CROWD=str(few_crowds))
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir, **where)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(set(job.losses().values())) == 4
    for name in ('loss_heatmap_0', 'loss_heatmap_1', 'loss_pull', 'loss_push'):
        assert all(score >= 0 for score in job.scores(name))
    thorough = write_config(TINY, THOROUGH)
    score_of('coco/AP', mim, 'mmpose', thorough, job.work_dir / 'epoch_2.pth', **where)


def check_inferencer(config: Path, checkpoint: Path, data: Path, run_python) -> None:
    """The stock inferencer returns scores of instances and removes duplicates."""
    images = [str(path) for path in sorted(data.glob('val2017/*.jpg'))]
    done = run_python(
        '-c',
        'from mmpose.apis import MMPoseInferencer\n'
        f'infer = MMPoseInferencer({str(config)!r}, {str(checkpoint)!r})\n'
        'for once in (False, True):\n'
        f'    results = infer({images}, pose_based_nms=once)\n'
        "    people = [p for r in results for p in r['predictions'][0]]\n"
        "    print(len(people), min(p['bbox_score'] for p in people))",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    everybody, _, once, score = map(float, done.stdout.split()[-4:])
    assert 4 <= once <= everybody
    assert abs(score) < 1  # heatmaps of DEKR can be a little below 0


@pytest.mark.jobs
def test_another_number_of_joints_ends_the_job_with_one_clear_message(
    few_crowds, tmp_path, mim
):
    done = mim(
        'train', 'mmpose', ROOT / 'configs' / TINY, '--work-dir', tmp_path,
        '--cfg-options', 'model.head.num_keypoints=16', TINY_CROWD=str(few_crowds),
    )  # fmt: skip
    assert done.returncode != 0
    message = 'HigherHRNetHead has num_keypoints=16. Set model.head.num_keypoints=17'
    said = [line for line in done.stderr.splitlines() if message in line]
    assert len(said) == 1, done.stderr[-3000:]
    assert not Job(tmp_path).losses()


@pytest.mark.jobs
def test_an_image_of_200_people(few_crowds, write_config, tmp_path, mim):
    root = Path(shutil.copytree(few_crowds, tmp_path / 'crowds'))
    rng = np.random.default_rng(0)
    for split in ('train', 'val', 'test'):
        path = root / f'annotations/{split}.json'
        content = json.loads(path.read_text())
        first = [a for a in content['annotations'] if a['image_id'] == 1]
        content['images'] = content['images'][:1]
        content['annotations'] = [
            dict(
                first[i % len(first)], id=i, keypoints=moved(first[i % len(first)], rng)
            )
            for i in range(200)
        ]
        path.write_text(json.dumps(content))
    job, where = Job(tmp_path / 'work'), dict(TINY_CROWD=str(root))
    config = write_config(TINY, QUICK + "train_dataloader['batch_size'] = 1")
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir, **where)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(job.losses()) == 2
    assert np.isfinite([*job.losses().values()]).all()
    assert len(job.scores('coco/AP')) == 1


def moved(person: dict, rng: np.random.Generator) -> list[float]:
    joints = np.reshape(person['keypoints'], (-1, 3)).astype(float)
    joints[:, :2] += rng.normal(0, 8, 2)
    return joints.ravel().tolist()


# In as many pixels as 256x256 has; no turns, no mirror images.
OVERFIT = """
size = (320, 224)
codec = dict(_base_.codec, input_size=size, {maps})
model.update(head=dict(decoder=codec, {head}), test_cfg=dict(flip_test=False))
model['backbone'].update(arch='w18_small_v1')
read = dict(type='LoadImage')
still = dict(
    type='BottomupRandomAffine', input_size=size, scale_type='long',
    shift_prob=0, scale_prob=0, rotate_prob=0)
train_dataloader['dataset'] = dict(data, pipeline=[
    read, still, dict(type='GenerateTarget', encoder=codec),
    dict(type='hrnet_mm.CrowdMask'), _base_.pack])
fitted = dict(type='BottomupResize', input_size=size, resize_mode='fit')
val_dataloader = test_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data, bbox_file=None, pipeline=[read, fitted, _base_.pack]))
optim_wrapper = dict(optimizer=dict(lr={rate}))
train_cfg = dict(max_epochs={steps}, val_interval={steps})
default_hooks['checkpoint'] = dict(interval={steps})
param_scheduler = [
    dict(type='LinearLR', begin=0, end=10, start_factor=0.1, by_epoch=False),
    dict(type='MultiStepLR', milestones=[{steps} * 3 // 4, {steps} * 9 // 10],
         gamma=0.1, by_epoch=True),
]
"""
HIGHER = dict(
    maps='heatmap_sizes=[(80, 56), (160, 112)]',
    head='in_channels=16, deconv_channels=(16,)',
)
DEKR = dict(
    maps='heatmap_size=(80, 56)',
    # few filters, because deformable convolutions are slow on CPUs
    head='in_channels=240, num_displacement_filters_per_keypoint=2, rescore_cfg=None',
)
CID = dict(maps='heatmap_size=(80, 56)', head='in_channels=240, gfd_channels=16')


@pytest.mark.jobs
@pytest.mark.parametrize(('kind', 'parts'), [('dekr', DEKR), ('cid', CID)])
def test_dekr_and_cid_train_test_and_draw(
    kind, parts, real_coco, coco_lines, write_config, tmp_path, mim, run_python
):
    lines = coco_lines + OVERFIT.format(steps=3, rate=1e-3, **parts)
    config = write_config(f'pose/{kind}_w32_coco-512x512.py', lines)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(set(job.losses().values())) == 3
    assert np.isfinite([*job.losses().values()]).all()
    assert len(job.scores('coco/AP')) == 1
    checkpoint = job.work_dir / 'epoch_3.pth'
    show(config, checkpoint, tmp_path / 'sheet.png', run_python)
    images = [*real_coco.glob('val2017/*.jpg')]
    predict(run_python, config, checkpoint, *images, '--output', tmp_path / 'found')


@pytest.mark.sweep
@pytest.mark.parametrize(
    ('leaf', 'parts', 'steps', 'rate', 'score'),
    [
        ('higher-hrnet_w32_coco-512x512', HIGHER, 160, 1e-3, 0.6),
        ('dekr_w32_coco-512x512', DEKR, 400, 4e-3, 0.7),
    ],
    ids=['higher-hrnet', 'dekr'],
)
def test_a_small_trunk_learns_real_images(
    leaf,
    parts,
    steps,
    rate,
    score,
    real_coco,
    coco_lines,
    write_config,
    tmp_path,
    mim,
    run_python,
):
    write_in_one_shape(real_coco, tmp_path / 'coco')
    lines = coco_lines.replace(str(real_coco), str(tmp_path / 'coco'))
    lines += OVERFIT.format(steps=steps, rate=rate, **parts)
    config = write_config(f'pose/{leaf}.py', lines)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    losses = job.losses()
    assert [*losses] == [*range(1, steps + 1)]  # a batch of all four images
    assert np.isfinite([*losses.values()]).all()
    (last,) = job.scores('coco/AP')
    assert last >= score
    checkpoint = job.work_dir / f'epoch_{steps}.pth'
    show(config, checkpoint, tmp_path / 'sheet.png', run_python)
    check_inferencer(config, checkpoint, tmp_path / 'coco', run_python)


@pytest.mark.sweep
@pytest.mark.parametrize('kind', ['dekr', 'cid'])
def test_killed_jobs_of_dekr_and_cid_resume(
    kind, few_crowds, write_config, tmp_path, mim
):
    lines = QUICK.replace('max_epochs=2, val_interval=2', 'max_epochs=3')
    config = write_config(f'pose/{kind}_w18_small_v1_tiny-crowd.py', lines)
    where, job = dict(TINY_CROWD=str(few_crowds)), Job(tmp_path / 'work')
    train = ('train', 'mmpose', config, '--work-dir', job.work_dir)
    env = {**os.environ, **where, 'PYTHONPATH': str(ROOT)}
    kill_at(2, 1, [*map(str, train)], tmp_path / 'log', env)
    before = job.losses()
    assert len(before) >= 3
    done = mim(*train, '--resume', **where)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'resumed epoch: 1' in done.stdout + done.stderr
    after = job.losses()
    assert len(set(after.values())) == 6
    assert np.isfinite([*after.values()]).all()
    assert {step: after[step] for step in before} == before


def write_in_one_shape(coco: Path, root: Path) -> None:
    """Fill images up to 640x448 from below.

    What is around an image is not taught, as officially, and could be anybody to a
    network that has seen four images.
    """
    shutil.copytree(coco / 'annotations', root / 'annotations')
    (path,) = root.glob('annotations/person_keypoints_*.json')
    content = json.loads(path.read_text())
    (root / 'val2017').mkdir()
    for entry in content['images']:
        image = cv2.imread(str(coco / 'val2017' / entry['file_name']))
        height, width = image.shape[:2]
        sides = (0, 448 - height, 0, 640 - width)
        whole = cv2.copyMakeBorder(image, *sides, cv2.BORDER_REPLICATE)
        cv2.imwrite(str(root / 'val2017' / entry['file_name']), whole)
        entry.update(height=448, width=640)
    path.write_text(json.dumps(content))
