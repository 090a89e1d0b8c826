"""Whatever ends a job: it ends soon, says why, and goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

pytest.importorskip('mmpose')

from jobs import QUICK_NORMS, Job, Processes

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 3
LINES = f"""
_base_ = ['{ROOT}/configs/pose/hrnet_w18_small_v1_tiny-pose.py']
model = dict(backbone=dict(norm_cfg=dict(type='BN', **{QUICK_NORMS})))
train_dataloader = dict(batch_size=2, num_workers=1, persistent_workers=True)
val_dataloader = test_dataloader = dict(batch_size=1, num_workers=1)
val_evaluator = test_evaluator = [_base_.val_evaluator, dict(type='EPE')]
default_hooks = dict(
    checkpoint=dict(interval=1, max_keep_ckpts=2, save_best=None),
    logger=dict(interval=1),
)
train_cfg = dict(max_epochs={EPOCHS}, val_interval=1)
custom_imports = dict(imports=['hrnet_mm', 'hrnet_mm.pose', 'faults'])
custom_hooks = [dict(type='mmengine.FaultHook')]
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('config') / 'config.py'
    path.write_text(LINES)
    return path


@pytest.fixture(scope='module')
def start(config, few_people):
    """Start a job in a folder."""

    def started(work_dir: Path, *options: str, **environment: str) -> Processes:
        environment['PYTHONPATH'] = f'{ROOT}:{Path(__file__).parent}'
        data = environment.pop('TINY_PEOPLE', str(few_people))
        return Processes(config, work_dir, *options, TINY_PEOPLE=data, **environment)

    return started


@pytest.fixture(scope='module')
def undisturbed(start, shared_folder) -> Job:
    """Of which the others must not differ; trained once for all workers."""
    work_dir = shared_folder / 'undisturbed/job'
    with FileLock(shared_folder / 'undisturbed.lock'):
        if not (work_dir / f'epoch_{EPOCHS}.pth').is_file():
            processes = start(work_dir)
            assert processes.wait() == 0, processes.said()[-3000:]
    return Job(work_dir)


def check_the_same(work_dir: Path, undisturbed: Job) -> None:
    """Losses and scores are those of a job that nothing happened to."""
    job = Job(work_dir)
    assert job.losses() == undisturbed.losses()
    assert len(set(job.losses().values())) > 10
    scores = undisturbed.scores('EPE')
    assert len(set(scores)) > 1
    # Statistics of norms are averaged over the processes once more, which rounds by
    # 1e-7; DARK takes the logarithm of the heatmaps of a net from scratch.
    assert job.scores('EPE')[-1] == pytest.approx(scores[-1], rel=1e-3)
    mine, theirs = (
        torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=False)['state_dict']
        for folder in (work_dir, undisturbed.work_dir)
    )
    for name, value in theirs.items():
        if 'running' in name:
            torch.testing.assert_close(mine[name], value)
        else:
            assert torch.equal(mine[name], value), name


def when(job: Processes, epoch: int, step: int) -> None:
    """Wait for a moment of the training."""
    job.wait_for(rf'Epoch\(train\)\s+\[{epoch}\]\[\s*{step}/')


def end(job: Processes) -> str:
    """It ends within a minute, and not well; what it said."""
    began = time.monotonic()
    assert job.wait(60) != 0
    assert time.monotonic() - began < 60
    return job.said()


def go_on(start, work_dir: Path, undisturbed: Job) -> str:
    """Start it again; what it said."""
    job = start(work_dir, '--resume')
    assert job.wait() == 0, job.said()[-3000:]
    check_the_same(work_dir, undisturbed)
    return job.said()


def first_step(work_dir: Path) -> int:
    """Of the last start."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in logs[-1].read_text().splitlines()]
    return min(row['step'] for row in rows if 'loss' in row)


SIGNALS: dict[str, Callable[[Processes], None]] = {
    'USR1 to rank 1': lambda job: os.kill(job.rank(1), signal.SIGUSR1),
    'TERM to all': lambda job: os.kill(job.launcher.pid, signal.SIGTERM),
}


def preempt(start, undisturbed: Job, work_dir: Path, name: str, moment) -> None:
    """It saves, and goes on with the very next step."""
    job = start(work_dir)
    when(job, *moment)
    SIGNALS[name](job)
    assert 'start it with --resume to continue from there' in end(job)
    done = max(Job(work_dir).losses())
    saved = torch.load(work_dir / 'preempted.pth', weights_only=False)
    assert saved['meta']['iter'] == done
    go_on(start, work_dir, undisturbed)
    assert first_step(work_dir) == done + 1


@pytest.mark.slow  # with the others, which train `undisturbed`
def test_processes_that_share_the_images_score_what_one_does(
    config, undisturbed, tmp_path, few_people
):
    checkpoint = str(undisturbed.work_dir / f'epoch_{EPOCHS}.pth')
    scores = []
    for count in (1, 3):  # 5 people
        job = Processes(
            config, tmp_path / str(count), checkpoint, count=count, script='test',
            TINY_PEOPLE=str(few_people),
            PYTHONPATH=f'{ROOT}:{Path(__file__).parent}',
        )  # fmt: skip
        assert job.wait() == 0, job.said()[-3000:]
        scores.append(re.findall(r'coco/(?:AP|AR)[^:]*: \S+|EPE: \S+', job.said()))
    assert len(scores[0]) > 3
    assert scores[1] == scores[0]


def random_moment(seed: int) -> tuple[int, int]:
    """Epoch and step; from the second epoch on there is a checkpoint."""
    generator = random.Random(seed)
    return generator.randint(2, EPOCHS), generator.randint(1, 5)  # of 7


@pytest.mark.slow
@pytest.mark.parametrize('name', SIGNALS)
def test_preempted_at_any_moment(start, undisturbed, tmp_path, name):
    moment = random_moment(sum(map(ord, name)))
    preempt(start, undisturbed, tmp_path / 'job', name, moment)


@pytest.mark.slow  # other damages: tests/checkpoints/test_damaged_files.py
def test_killed_and_the_last_checkpoint_is_damaged(start, undisturbed, tmp_path):
    work_dir = tmp_path / 'job'
    job = start(work_dir)
    when(job, 3, 2)
    os.kill(job.rank(0), signal.SIGKILL)
    assert 'SIGKILL' in end(job)
    path = work_dir / 'epoch_2.pth'
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    said = go_on(start, work_dir, undisturbed)
    assert f'{path} is damaged' in said
    assert f'Resuming from {work_dir}/epoch_1.pth instead' in said
    assert first_step(work_dir) == max(undisturbed.losses()) // EPOCHS + 1


@pytest.mark.slow
def test_the_disk_is_full_while_it_saves(start, undisturbed, tmp_path):
    epoch = 2
    per_epoch = max(undisturbed.losses()) // EPOCHS
    work_dir = tmp_path / 'job'
    job = start(work_dir, FAULT=f'disk:{(epoch - 1) * per_epoch + 4}')
    said = end(job)
    assert re.search(r'its disk has .* MB free. Earlier checkpoints are intact', said)
    assert not (work_dir / f'epoch_{epoch}.pth').exists()
    go_on(start, work_dir, undisturbed)
    assert first_step(work_dir) == (epoch - 1) * per_epoch + 1


@pytest.mark.slow
def test_a_loss_is_nan(start, undisturbed, tmp_path):
    iteration = 12
    work_dir = tmp_path / 'job'
    said = end(start(work_dir, FAULT=f'nan:{iteration}'))
    wanted = rf'not finite at iteration {iteration + 1} \(rank 1\): loss=nan'
    assert re.search(wanted, said)
    go_on(start, work_dir, undisturbed)


@pytest.mark.slow
def test_an_image_is_gone(start, undisturbed, tmp_path, few_people):
    data = tmp_path / 'tiny_people'
    shutil.copytree(few_people, data)
    work_dir = tmp_path / 'job'
    job = start(work_dir, TINY_PEOPLE=str(data))
    when(job, 2, 2)
    for image in (data / 'images/train').iterdir():
        image.unlink()
    assert re.search(r'images/train/\d+.jpg', end(job))
    go_on(start, work_dir, undisturbed)


@pytest.mark.slow
def test_preempted_in_validation(start, undisturbed, tmp_path):
    work_dir = tmp_path / 'job'
    job = start(work_dir, SLOW_VALIDATION='1')
    job.wait_for(r'Saving checkpoint at 2 epochs')
    time.sleep(0.5)
    os.kill(job.rank(0), signal.SIGUSR1)
    assert 'start it with --resume' in end(job)
    per_epoch = max(undisturbed.losses()) // EPOCHS
    assert max(Job(work_dir).losses()) == 2 * per_epoch
    assert len(Job(work_dir).scores('EPE')) == 1
    go_on(start, work_dir, undisturbed)
    assert len(Job(work_dir).scores('EPE')) == EPOCHS
