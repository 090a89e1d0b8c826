"""The stock runner trains a pose model, resumes after a kill, and tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmpose')

from jobs import Job, check_resume, score_of

ROOT = Path(__file__).resolve().parents[2]
TINY = 'pose/hrnet_w18_small_v1_tiny-pose.py'
# Three epochs teach nothing, so AP is 0 whatever happens: the mean error in pixels
# (EPE) tells one checkpoint from another.
FEW = """
val_evaluator = test_evaluator = [val_evaluator, dict(type='EPE')]
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
train_cfg = dict(max_epochs=3, val_interval=1)
"""


SMALL_TRUNK = """
model.update(head=dict(model.get('head', {}), in_channels=16))
model['backbone'].update(arch='w18_small_v1')
"""


@pytest.mark.jobs
@pytest.mark.lane
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    few_people, write_config, tmp_path, mim, run_python
):
    lines = 'train_dataloader = dict(batch_size=4)\n'
    lines += 'test_dataloader = _base_.val_dataloader\n'
    lines += 'val_evaluator = _base_.val_evaluator\n'
    config = write_config(TINY, lines + FEW)
    check_resume('mmpose', config, 'EPE', tmp_path, mim, TINY_PEOPLE=str(few_people))
    check_inferencer(config, tmp_path / 'killed/epoch_3.pth', few_people, run_python)


def check_inferencer(config: Path, checkpoint: Path, data: Path, run_python) -> None:
    """The stock inferencer takes a config and a checkpoint of ours, by path."""
    image = data / 'images/val/000001.jpg'
    done = run_python(
        '-c',
        'from mmpose.apis import MMPoseInferencer\n'
        f'infer = MMPoseInferencer({str(config)!r}, {str(checkpoint)!r},\n'
        "    det_model='whole_image', device='cpu')\n"
        f'result = next(infer({str(image)!r}))\n'
        "print(len(result['predictions'][0][0]['keypoints']))",
        TINY_PEOPLE=str(data),
    )
    assert done.stdout.split()[-1:] == ['17'], done.stderr[-3000:]


OVERFIT = """
# no flips in training, so none in testing; joints to a fraction of a pixel (DARK)
model.update(test_cfg=dict(flip_test=False), head=dict(decoder=dict(unbiased=True)))
still = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), *[
    t for t in _base_.train_dataloader.dataset.pipeline
    if t['type'] in ('TopdownAffine', 'hrnet_mm.PackTopdown')]]
train_dataloader['batch_size'] = 6
train_dataloader['dataset'] = dict(data, pipeline=still)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=70, val_interval=70)  # of two iterations each
default_hooks['checkpoint'] = dict(interval=70)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=10, start_factor=0.1, by_epoch=False),
    dict(type='MultiStepLR', milestones=[56, 64], gamma=0.1, by_epoch=True),
]
"""


@pytest.mark.sweep
def test_a_small_trunk_overfits_real_images_within_140_iterations(
    coco_lines, write_config, tmp_path, mim
):
    config = write_config('hrnet_w48_coco.py', coco_lines + OVERFIT + SMALL_TRUNK)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert max(job.losses()) <= 140
    assert job.scores('coco/AP')[-1] >= 0.9


FROM_ALL_STREAMS = "model['head'].update(in_channels=240, conv_out_channels=(240,))\n"


@pytest.mark.sweep
@pytest.mark.parametrize(
    ('leaf', 'folder', 'lines', 'score'),
    [
        (
            'hrnet_w32_ap10k-256x256',
            'ap10k',
            'val_evaluator = dict(ann_file=f\'{data["data_root"]}/test_ap10k.json\')\n'
            'test_evaluator = val_evaluator\n',
            'coco/AP',
        ),
        ('hrnetv2_w18_rhd2d-256x256', 'rhd', FROM_ALL_STREAMS, 'PCK'),
    ],
    ids=['ap10k', 'rhd'],
)
def test_a_small_trunk_overfits_real_animals_and_hands_in_100_iterations(
    leaf, folder, lines, score, real_animals, real_lines, write_config, tmp_path, mim
):
    data = real_lines(real_animals / folder, f'test_{folder}.json')
    epochs = (
        'train_cfg = dict(max_epochs=100, val_interval=100)\n'  # of one iteration each
        "default_hooks['checkpoint'] = dict(interval=100)\n"
        "param_scheduler[1]['milestones'] = [80, 92]\n"
    )
    config = write_config(
        f'pose/{leaf}.py', data + OVERFIT + SMALL_TRUNK + epochs + lines
    )
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert max(job.losses()) == 100
    trained = job.scores(score)[-1]
    assert trained >= 0.8
    tested = score_of(score, mim, 'mmpose', config, job.work_dir / 'epoch_100.pth')
    assert tested == pytest.approx(trained, abs=1e-3)


@pytest.mark.jobs  # each data set's message is tested in test_datasets.py
def test_a_missing_data_root_ends_the_job_with_one_clear_message(tmp_path, mim):
    done = mim(
        'train', 'mmpose', ROOT / 'configs/hrnet_w48_coco.py', '--work-dir', tmp_path,
        '--cfg-options', 'model.backbone.init_cfg=None', COCO='/no/such/folder',
    )  # fmt: skip
    said = [s for s in done.stderr.splitlines() if 'cocodataset.org' in s]
    assert done.returncode != 0
    assert said, done.stderr[-3000:]
    assert '/no/such/folder/annotations/person_keypoints_train2017.json' in said[-1]
    assert 'COCO=FOLDER' in said[-1]
