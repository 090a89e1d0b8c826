"""The stock runner trains a detector, resumes after a kill, and tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet')

from jobs import QUICK_NORMS, Job, check_resume, predict, score_of, show

from hrnet_mm import HRNet
from hrnet_mm.tiny_people import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
TINY = 'det/{}_hrnetv2p_w18_small_v1_tiny-det.py'
FACES = 'det/retinanet_hrnetv2p_w18_small_v1_tiny-faces.py'


def make_odd(people: Path) -> str:
    """An annotation file: no object, crowds only, outside, of another category."""
    content = json.loads((people / 'annotations/train.json').read_text())
    content['categories'].append(dict(id=2, name='dog'))
    odd = {1: None, 2: dict(iscrowd=1), 3: dict(bbox=[500, 20, 30, 30])}
    odd[4] = dict(category_id=2)
    changed = []
    for annotation in content['annotations']:
        change = odd.get(annotation['image_id'], {})
        if change is not None:
            changed.append({**annotation, **change})
    path = people / 'annotations/odd.json'
    path.write_text(json.dumps({**content, 'annotations': changed}))
    return path.name


@pytest.mark.jobs
def test_odd_data_trains_finite_and_is_named(tmp_path, write_config, mim, run_python):
    people = TinyPeople(splits={'train': 6, 'val': 2, 'test': 2})
    root = people.write(tmp_path / 'tiny_people')
    lines = f"""
train_cfg = dict(max_epochs=2, val_interval=2)
default_hooks = dict(logger=dict(interval=1))
train_dataloader = dict(
    batch_size=2, dataset=dict(ann_file='annotations/{make_odd(root)}'))
"""
    config = write_config(TINY.format('cascade-mask-rcnn'), lines)
    job, env = Job(tmp_path / 'work'), dict(TINY_PEOPLE=str(root))
    done = mim('train', 'mmdet', config, '--work-dir', job.work_dir, **env)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert 'outside their image (first: annotation 30 of 000003.jpg)' in said
    assert 'of category 2 (dog), no class of the config' in said
    losses = [v for row in job.rows() for k, v in row.items() if 'loss' in k]
    assert len(losses) > 10
    assert torch.tensor(losses).isfinite().all()
    show(config, job.work_dir / 'epoch_2.pth', tmp_path / 's.png', run_python, **env)


@pytest.mark.jobs
def test_frozen_norms_without_weights_stop_before_the_first_step(
    few_people, write_config, tmp_path, mim
):
    lines = 'model = dict(_base_.small, backbone=dict(norm_eval=True))\n'
    config = write_config(TINY.format('faster-rcnn'), lines)
    done = mim(
        'train', 'mmdet', config, '--work-dir', tmp_path / 'work',
        TINY_PEOPLE=str(few_people),
    )  # fmt: skip
    assert done.returncode != 0
    assert 'backbone has norm_eval=True' in done.stderr
    assert 'from scratch with norm_eval=False' in done.stderr
    assert not Job(tmp_path / 'work').losses()


FEW = """
num_classes = 1
model['roi_head'] = dict(
    bbox_head=dict(heads, num_classes=1), mask_head=dict(heads, num_classes=1))
few = dict(rpn_proposal=dict(max_per_img=60), rcnn=dict(sampler=dict(num=60)))
model['train_cfg'] = few
model['test_cfg'] = dict(rcnn=dict(score_thr=0.0))
data = dict(
    metainfo=dict(classes=('person',)), data_root='{coco}',
    ann_file='annotations/person_keypoints_tiny.json', data_prefix=dict(img='val2017/'))
small = dict(type='Resize', scale=(333, 200), keep_ratio=True)
train_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(_delete_=True, type='RepeatDataset', times=2, dataset=dict(
        _base_.train_dataloader.dataset, **data, pipeline=[
            _base_.read, _base_.annotations, small, *_base_.finish])))
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data, pipeline=[
        _base_.read, small, _base_.annotations, _base_.pack_test]))
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file='{coco}/annotations/person_keypoints_tiny.json',
    metric_items=['mAP', 'AR@100'], format_only=False)
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2, val_interval=2)
auto_scale_lr = dict(enable=True)  # two images a step
default_hooks = dict(
    checkpoint=dict(interval=1, save_best='coco/bbox_mAP'), logger=dict(interval=1))
"""


@pytest.fixture
def trained_trunk(real_coco, tmp_path) -> Path:
    """A file like the ImageNet ones: the trunk alone, its norms used to images.

    A trained trunk puts out small numbers. A random one adds up its residuals, and with
    frozen norms and values of 70 the first steps of a mask head end in NaN: hence the
    small scales.
    """
    from mmcv import imread

    torch.manual_seed(0)
    trunk = HRNet('w18')
    trunk.init_weights()
    trunk.train()
    for norm in trunk.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None  # the mean over all batches
            torch.nn.init.constant_(norm.weight, 0.2)
    for path in sorted((real_coco / 'val2017').iterdir()):
        image = torch.tensor(imread(str(path), channel_order='rgb').copy())
        with torch.no_grad():
            trunk((image.permute(2, 0, 1)[None].float() - 120) / 58)
    torch.save(trunk.state_dict(), tmp_path / 'trunk.pth')
    return tmp_path / 'trunk.pth'


@pytest.mark.sweep
def test_w18_mask_rcnn_trains_on_real_images_from_a_trained_trunk(
    real_coco, trained_trunk, write_config, tmp_path, mim, run_python
):
    lines = (
        f'model = dict(backbone=dict(init_cfg=dict(checkpoint="{trained_trunk}")))'
        '\nheads = dict()'
    )
    leaf = 'det/mask-rcnn_hrnetv2p_w18_coco-1x.py'
    config = write_config(leaf, lines + FEW.format(coco=real_coco))
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmdet', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    losses = torch.tensor([*job.losses().values()])
    assert len(losses) > 3
    assert losses.isfinite().all()
    assert len(job.scores('coco/bbox_AR@100')) == 1
    show(config, job.work_dir / 'epoch_2.pth', tmp_path / 'sheet.png', run_python)


TINY_FEW = f"""
norms = dict(type='BN', **{QUICK_NORMS})
model = dict(
    backbone=dict(norm_cfg=norms), test_cfg=dict(rcnn=dict(score_thr=0.0)))
test_dataloader = _base_.val_dataloader
# three epochs teach little: AP of boxes that hardly overlap tells them apart
val_evaluator = test_evaluator = dict(
    _delete_=True, type='VOCMetric', iou_thrs=[0.1], eval_mode='area')
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
train_cfg = dict(max_epochs=3, val_interval=1)
default_hooks = dict(
    checkpoint=dict(interval=1, save_best=None), logger=dict(interval=1))
"""


@pytest.mark.jobs
@pytest.mark.lane
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    few_people, write_config, tmp_path, mim
):
    config = write_config(TINY.format('mask-rcnn'), TINY_FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume('mmdet', config, 'pascal_voc/mAP', tmp_path, mim, **people)


@pytest.mark.slow
def test_tiny_people_are_learned_in_minutes(tiny_people, tmp_path, mim):
    """After 300 of the thousand iterations of the config."""
    env = dict(TINY_PEOPLE=str(tiny_people))
    config = ROOT / 'configs' / TINY.format('mask-rcnn')
    job = Job(tmp_path / 'work')
    done = mim(
        'train', 'mmdet', config, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=1',
        'train_dataloader.dataset.indices=600', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len([*job.work_dir.glob('best_coco_*_epoch_*.pth')]) == 1
    assert job.scores('coco/bbox_mAP_50')[-1] >= 0.4
    assert job.scores('coco/segm_mAP_50')[-1] >= 0.3


FACES_FEW = TINY_FEW.replace('rcnn=dict(score_thr=0.0)', 'score_thr=0.0')


@pytest.mark.jobs
def test_a_killed_job_of_faces_resumes_and_its_faces_are_drawn(
    few_people, write_config, tmp_path, mim, run_python
):
    config = write_config(FACES, FACES_FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume('mmdet', config, 'pascal_voc/mAP', tmp_path, mim, **people)
    checkpoint = tmp_path / 'killed/epoch_3.pth'
    leaf = ROOT / 'configs' / FACES  # has another metric
    score = score_of('coco/bbox_mAP', mim, 'mmdet', leaf, checkpoint, '--tta', **people)
    assert 0 <= score <= 1
    show(config, checkpoint, tmp_path / 'sheet.png', run_python, **people)
    images, output = few_people / 'images/test', tmp_path / 'predicted'
    predict(run_python, config, checkpoint, images, '--output', output, **people)
    assert len([*(output / 'pictures').iterdir()]) == 4


@pytest.mark.slow
def test_tiny_faces_are_learned_in_minutes(tiny_people, tmp_path, mim):
    """After 300 of the thousand iterations of the config."""
    env = dict(TINY_PEOPLE=str(tiny_people))
    job = Job(tmp_path / 'work')
    done = mim(
        'train', 'mmdet', ROOT / 'configs' / FACES, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=1',
        'train_dataloader.dataset.indices=600', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert job.scores('coco/bbox_mAP_50')[-1] >= 0.8
