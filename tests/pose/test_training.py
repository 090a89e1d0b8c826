"""The stock runner trains, is killed, goes on, and tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('mmpose')

from hrnet_mm.data import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
TINY = 'tiny/hrnet_w18_small_v1_tiny-pose.py'
# Three epochs teach nothing, so AP is 0 whatever happens: the mean error in pixels
# (EPE) tells one checkpoint from another.
FEW = """
val_evaluator = test_evaluator = [val_evaluator, dict(type='EPE')]
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
train_cfg = dict(max_epochs=3, val_interval=1)
"""


class Job:
    """A work folder of mmengine and what its logs say."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir

    def rows(self) -> list[dict]:
        """The log, all starts of the job after each other."""
        logs = sorted(self.work_dir.glob('*/vis_data/scalars.json'))
        return [json.loads(s) for log in logs for s in log.read_text().splitlines()]

    def losses(self) -> dict[int, float]:
        """Loss by iteration; a later start of the job overwrites an earlier one."""
        return {row['step']: row['loss'] for row in self.rows() if 'loss' in row}

    def scores(self, name: str = 'coco/AP') -> list[float]:
        return [row[name] for row in self.rows() if name in row]


@pytest.fixture(scope='module')
def few_people(tmp_path_factory) -> Path:
    """TinyPeople of a dozen images, where its configs look for it."""
    root = tmp_path_factory.mktemp('few') / 'tiny_people'
    return TinyPeople(splits={'train': 20, 'val': 4, 'test': 4}).write(root)


def kill_in_epoch(number: int, command: list[str], log: Path, env: dict) -> None:
    """Start a training job, and kill -9 all of it in the middle of an epoch."""
    with log.open('w') as output:
        child = subprocess.Popen(
            [sys.executable, '-c', 'from mim.cli import cli; cli()', *command],
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 1800
    try:
        while not re.search(rf'Epoch\(train\)\s+\[{number}\]\[\s*1/', log.read_text()):
            assert child.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def score_of(
    name: str, mim, config: Path, checkpoint: Path, **environment: str
) -> float:
    """The metric that `mim test` puts out."""
    done = mim(
        'test', 'mmpose', config, '--checkpoint', checkpoint,
        '--work-dir', checkpoint.parent / 'test', **environment,
    )  # fmt: skip
    scores = re.findall(rf'\b{name}: (\S+)', done.stdout + done.stderr)
    assert scores, done.stderr[-3000:]
    return float(scores[-1])


def check_resume(config: Path, tmp_path: Path, mim, **environment: str) -> None:
    """Killed and resumed is the same as never killed; `mim test` scores the same."""
    whole, killed = Job(tmp_path / 'whole'), Job(tmp_path / 'killed')
    train = ('train', 'mmpose', config, '--work-dir')
    done = mim(*train, whole.work_dir, **environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    command = [*map(str, train), str(killed.work_dir)]
    kill_in_epoch(2, command, tmp_path / 'log', {**env, **environment})
    assert (killed.work_dir / 'epoch_1.pth').is_file()
    assert not (killed.work_dir / 'epoch_2.pth').is_file()

    done = mim(*train, killed.work_dir, '--resume', **environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'resumed epoch: 1' in done.stdout + done.stderr
    assert killed.losses() == whole.losses()
    assert len(set(whole.losses().values())) > 3
    errors = whole.scores('EPE')
    assert len(set(errors)) == 3
    assert killed.scores('EPE')[-1] == errors[-1]
    assert killed.scores()[-1] == whole.scores()[-1]

    checkpoint = killed.work_dir / 'epoch_3.pth'
    error = score_of('EPE', mim, config, checkpoint, **environment)
    assert error == pytest.approx(errors[-1], abs=5e-5)


def test_a_killed_job_goes_on_with_the_losses_of_one_that_was_not(
    few_people, write_config, tmp_path, mim, run_python
):
    lines = 'train_dataloader = dict(batch_size=4)\n'
    lines += 'test_dataloader = _base_.val_dataloader\n'
    lines += 'val_evaluator = _base_.val_evaluator\n'
    config = write_config(TINY, lines + FEW)
    check_resume(config, tmp_path, mim, TINY_PEOPLE=str(few_people))
    check_inferencer(config, tmp_path / 'killed/epoch_3.pth', few_people, run_python)


@pytest.mark.slow
def test_w48_on_real_images_is_killed_and_goes_on(
    coco_lines, write_config, tmp_path, mim
):
    check_resume(write_config('hrnet_w48_coco.py', coco_lines + FEW), tmp_path, mim)


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
    if t['type'] in ('TopdownAffine', 'GenerateTarget', 'PackPoseInputs')]]
train_dataloader['batch_size'] = 6
train_dataloader['dataset'] = dict(data, pipeline=still)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=100, val_interval=100)  # of two iterations each
default_hooks['checkpoint'] = dict(interval=100)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=10, start_factor=0.1, by_epoch=False),
    dict(type='MultiStepLR', milestones=[80, 92], gamma=0.1, by_epoch=True),
]
"""


@pytest.mark.slow
def test_w32_overfits_real_images_within_200_iterations(
    coco_lines, write_config, tmp_path, mim
):
    config = write_config('pose/hrnet_w32_coco-256x192.py', coco_lines + OVERFIT)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert max(job.losses()) <= 200
    assert job.scores()[-1] >= 0.9
    score = score_of('coco/AP', mim, config, job.work_dir / 'epoch_100.pth')
    assert score == pytest.approx(job.scores()[-1], abs=5e-5)


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
