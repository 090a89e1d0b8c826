"""The stock runner trains several tasks at once, resumes after a kill, and tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')
pytest.importorskip('mmseg')

from jobs import QUICK_NORMS, Job, Processes, check_resume, kill_at

ROOT = Path(__file__).resolve().parents[2]
TINY = 'universal/universal_w18_small_v1_tiny.py'
FEW = f"""
train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
model = dict(backbone=dict(norm_cfg=dict(type='BN', **{QUICK_NORMS})))
default_hooks = dict(
    checkpoint=dict(interval=1, save_best='parts/mIoU', rule='greater'),
    logger=dict(interval=1))
test_dataloader = _base_.val_dataloader
test_evaluator = _base_.val_evaluator
"""


@pytest.mark.parametrize(
    'library',
    [
        pytest.param('mmdet', marks=pytest.mark.jobs),
        pytest.param('mmpose', marks=pytest.mark.sweep),
        pytest.param('mmseg', marks=pytest.mark.sweep),
    ],
)
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    library, few_people, write_config, tmp_path, mim
):
    config = write_config(TINY, FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume(library, config, 'depth/abs_rel', tmp_path, mim, **people)
    job = Job(tmp_path / 'killed')
    # without a box above the threshold there is no AP
    for name in ('objects/coco/bbox_mAP', 'joints/coco/AP', 'parts/mIoU'):
        assert job.scores(name), name


IN_TURN = f"""
{FEW}
train = _base_.train_dataloader.dataset
val = _base_.val_dataloader.dataset
parts = dict(train.tasks.parts, data_prefix=val.tasks.parts.data_prefix, pipeline=[
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')])
train_dataloader = dict(
    batch_size=3, drop_last=False,
    batch_sampler=dict(
        type='hrnet_mm.TaskBatchSampler', batch_size=dict(scenes=2, maps=1)),
    dataset=dict(
        _delete_=True, type='hrnet_mm.DatasetsInTurn', datasets=dict(
            scenes=dict(
                type=train.type, pipeline=train.pipeline,
                tasks=dict(objects=train.tasks.objects, joints=train.tasks.joints)),
            maps=dict(type='hrnet_mm.OneTask', task='parts', dataset=parts))))
model['tasks'] = dict(depth=None)
train_cfg = dict(max_epochs=2, val_interval=1)
val_dataloader = dict(dataset=dict(tasks=dict(depth=None)))
test_dataloader = val_dataloader
val_evaluator = dict(metrics=dict(depth=None))
test_evaluator = val_evaluator
"""


@pytest.mark.jobs
def test_data_sets_in_turn_on_two_processes(few_people, write_config, tmp_path):
    """One ends earlier, some images have nobody; one process is killed."""
    people = shutil.copytree(few_people, tmp_path / 'tiny_people')
    file = people / 'annotations/train.json'
    content = json.loads(file.read_text())
    content['images'] = content['images'][:12]
    content['annotations'] = [
        it for it in content['annotations'] if 4 < it['image_id'] <= 12
    ]
    file.write_text(json.dumps(content))
    config = write_config(TINY, IN_TURN)
    surroundings = dict(TINY_PEOPLE=str(people))
    job = Job(tmp_path / 'killed')
    killed = Processes(config, tmp_path / 'killed', **surroundings)
    killed.wait_for(r'Epoch\(train\)\s+\[2\]\[\s*2/', seconds=600)
    os.kill(killed.rank(1), signal.SIGKILL)
    assert killed.wait() != 0
    before = job.losses()
    resumed = Processes(config, tmp_path / 'killed', '--resume', **surroundings)
    assert resumed.wait() == 0, resumed.said()[-3000:]
    after = job.losses()
    assert max(before) > 3  # of 3 steps: a second epoch, which is repeated
    assert {step: after[step] for step in before} == before
    assert len(set(after.values())) == 2 * 3  # of 12 images, 2 in each process
    for name in ('objects.loss_mask', 'joints.loss_pull', 'parts.decode.loss_ce'):
        values = job.scores(name)
        assert len(values) > 2 * 3
        assert np.isfinite(values).all()


COCO = """
from hrnet_mm.universal import read_task
C = {C}
widths = [C, 2 * C, 4 * C, 8 * C]
size = {size}
codec = dict(
    _base_.codec, input_size=size,
    heatmap_sizes=[tuple(n // k for n in size) for k in (4, 2)])
still = dict(
    _base_.move, size=size, scale=(1.0, 1.0), rotate=0.0, shift=0.0, flip=0.0)
target = dict(type='GenerateTarget', encoder=codec)
pack_train = dict(
    _base_.pack_train, joints=[target, _base_.targets[1], *_base_.pack['joints']])
quick = dict(in_channels=widths, norm_cfg=dict(type='BN', momentum=0.5), dropout=0.0)
model = dict(
    backbone=dict(
        arch='{arch}', norm_cfg=dict(type='BN', momentum=0.5),
        init_cfg=dict(_delete_=True, type='Kaiming', layer='Conv2d')),
    tasks=dict(
        objects=dict(
            neck=dict(in_channels=widths),
            roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)),
            train_cfg=dict(
                rpn_proposal=dict(max_per_img=60), rcnn=dict(sampler=dict(num=60)))),
        joints=dict(
            head=dict(in_channels=C, deconv_channels=(C,), num_blocks=1, decoder=codec),
            test_cfg=dict(flip_test=False)),
        segments=dict(
            semantic_head=quick, instance_head=quick,
            test_cfg=dict(kernel=7, stuff_area=64))))
people = dict(
    data_root='{root}', ann_file='annotations/person_keypoints_tiny.json',
    data_prefix=dict(img='val2017/'))
tasks = dict(
    objects=dict(people, metainfo=dict(classes=('person',)), filter_cfg=None),
    joints=people,
    segments=dict(
        people, ann_file='annotations/panoptic_val2017.json', filter_cfg=None,
        data_prefix=dict(img='val2017/', seg='annotations/panoptic_val2017/')))
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(loaded, batch_size=2, dataset=dict(
    tasks=tasks, pipeline=[_base_.read, _base_.load, still, pack_train]))
val_dataloader = test_dataloader = dict(loaded, dataset=dict(
    tasks=tasks, pipeline=[
        _base_.read, dict(_base_.resize, scale=size),
        _base_.load_test, _base_.pack]))
truth = dict(ann_file='{root}/annotations/panoptic_val2017.json',
    seg_prefix='{root}/annotations/panoptic_val2017')
val_evaluator = test_evaluator = dict(metrics=dict(
    objects=[dict(it, ann_file='{root}/' + people['ann_file'])
        for it in _base_.val_evaluator.metrics.objects],
    joints=[dict(it, ann_file='{root}/' + people['ann_file'])
        for it in _base_.val_evaluator.metrics.joints],
    segments=[dict(it, **(truth if 'ann_file' in it else dict()))
        for it in _base_.val_evaluator.metrics.segments]))
auto_scale_lr = dict(base_batch_size=2)
optim_wrapper = dict(optimizer=dict(lr={rate}), clip_grad=dict(max_norm=5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max={epochs}, end={epochs})]
train_cfg = dict(max_epochs={epochs}, val_interval={interval})
default_hooks = dict(
    checkpoint=dict(interval={interval}, save_best=None), logger=dict(interval=1))
"""
W48_COCO = 'universal/universal_w48_coco-640x640.py'


@pytest.mark.jobs
def test_a_killed_job_on_real_images_of_coco_resumes(
    coco_panoptic, write_config, tmp_path, mim
):
    small = dict(arch='w18_small_v1', C=16, size=(192, 128), rate=2e-3)
    lines = COCO.format(root=coco_panoptic, epochs=3, interval=1, **small)
    config, job = write_config(W48_COCO, lines), Job(tmp_path / 'killed')
    train = ('train', 'mmdet', config, '--work-dir', job.work_dir)
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    kill_at(2, 1, [*map(str, train)], tmp_path / 'log', env)
    before = job.losses()
    done = mim(*train, '--resume')
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    after = job.losses()
    assert len(set(after.values())) == 6
    assert np.isfinite([*after.values()]).all()
    assert {step: after[step] for step in before} == before
    # without a box above the threshold there is no AP
    assert len(job.scores('segments/mIoU')) >= 3


@pytest.mark.sweep
def test_real_images_of_coco_are_learned(coco_panoptic, write_config, tmp_path, mim):
    """Boxes, masks, joints and people of four images, by one W18."""
    whole = dict(arch='w18', C=18, size=(320, 224), rate=2e-3)
    lines = COCO.format(root=coco_panoptic, epochs=300, interval=50, **whole)
    config, job = write_config(W48_COCO, lines), Job(tmp_path / 'work')
    done = mim('train', 'mmdet', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert np.isfinite([*job.losses().values()]).all()
    assert job.scores('objects/coco/bbox_mAP')[-1] >= 0.7
    assert job.scores('joints/coco/AP')[-1] >= 0.7
    assert job.scores('segments/mIoU')[-1] >= 80
