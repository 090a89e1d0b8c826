"""Training jobs as a person runs them: `mim` in child processes, and what they log."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
MIM = (sys.executable, '-c', 'from mim.cli import cli; cli()')

# A handful of steps leaves the running statistics of norms where they started; what a
# model from scratch sees in validation is then a matter of rounding, or nothing at all.
QUICK_NORMS = dict(momentum=0.5)


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

    def scores(self, name: str) -> list[float]:
        return [row[name] for row in self.rows() if name in row]


def mim_command(script: str, library: str, *options: str) -> list[str]:
    """``mim train mmpose CONFIG ...`` in this Python.

    The forks have a mim of their own. It calls mmdet by another name, and does not find
    mmpose, which has no fork (it takes the first file, a license): its script starts.
    """
    if 'onedl-mim' not in metadata.packages_distributions().get('mim', ()):
        return [*MIM, script, library, *options]
    if library == 'mmdet':
        return [*MIM, script, 'mmdetection', *options]
    if library == 'mmpose':
        options = tuple(it for it in options if it != '--checkpoint')
        return [sys.executable, str(script_of(library, script)), *options]
    return [*MIM, script, library, *options]


def script_of(library: str, name: str) -> Path:
    """``train.py`` or ``test.py`` of a library."""
    spec = importlib.util.find_spec(library)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / f'.mim/tools/{name}.py'


def kill_at(epoch: int, step: int, command: list[str], log: Path, env: dict) -> None:
    """Start a training job, and kill -9 all of it after a step of an epoch."""
    with log.open('w') as output:
        child = subprocess.Popen(
            mim_command(*command),
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 1800
    try:
        while not re.search(
            rf'Epoch\(train\)\s+\[{epoch}\]\[\s*{step}/', log.read_text()
        ):
            assert child.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended before
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def stacks_of(group: int) -> str:
    """Return the Python stacks of a process group, workers of data loaders included."""
    if shutil.which('py-spy', path=str(Path(sys.executable).parent)) is None:
        return 'Install py-spy to see where the processes are.'
    processes = subprocess.run(
        ['pgrep', '-g', str(group)], capture_output=True, text=True
    ).stdout.split()
    spy = Path(sys.executable).parent / 'py-spy'
    return '\n'.join(
        subprocess.run(
            [spy, 'dump', '--pid', process],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ).stdout
        for process in processes
    )  # fmt: skip


def score_of(
    name: str,
    mim,
    library: str,
    config: Path,
    checkpoint: Path,
    *options: str,
    **environment: str,
) -> float:
    """The metric that `mim test` puts out."""
    done = mim(
        'test', library, config, '--checkpoint', checkpoint,
        '--work-dir', checkpoint.parent / 'test', *options, **environment,
    )  # fmt: skip
    found = re.findall(rf'\b{name}: (\S+)', done.stdout + done.stderr)
    assert found, done.stderr[-3000:]
    return float(found[-1])


def show(config: Path, checkpoint: Path, sheet: Path, run_python, **env: str) -> None:
    """`hrnet-mm show` draws a picture that can be looked at."""
    done = run_python(
        '-c', 'from hrnet_mm.cli import main; main()', 'show', str(config),
        str(checkpoint), '--output', str(sheet), '--rows', '2', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert str(sheet) in done.stdout
    assert min(Image.open(sheet).size) > 200


def predict(run_python, *arguments: object, **env: str) -> None:
    """`hrnet-mm predict` ends well."""
    done = run_python(
        '-c', 'from hrnet_mm.cli import main; main()', 'predict',
        *map(str, arguments), '--device', 'cpu', '--fast', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def check_resume(
    library: str,
    config: Path,
    score: str,
    tmp_path: Path,
    mim,
    **environment: str,
) -> None:
    """A killed job repeats the lost steps as they were; `mim test` scores as it did.

    Args:
        library: Whose runner.
        config: Of three short epochs, each logged, validated and kept.
        score: The name of a metric that changes in them.
        tmp_path: Where the jobs work.
        mim: The fixture.
        environment: Of the jobs.
    """
    job = Job(tmp_path / 'killed')
    train = ('train', library, config, '--work-dir', job.work_dir)
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    kill_at(2, 3, [*map(str, train)], tmp_path / 'log', {**env, **environment})
    assert (job.work_dir / 'epoch_1.pth').is_file()
    assert not (job.work_dir / 'epoch_2.pth').is_file()
    before = job.losses()

    done = mim(*train, '--resume', **environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert 'resumed epoch: 1' in done.stdout + done.stderr
    after = job.losses()
    assert len(set(after.values())) > 3
    assert {step: after[step] for step in before} == before
    repeated = [row for row in job.rows() if row.get('step') == max(before)]
    assert len([row for row in repeated if 'loss' in row]) == 2
    scores = job.scores(score)
    assert len(scores) == 4  # that of the first epoch once more: it could be lost
    assert scores[1] == scores[0]
    assert len(set(scores)) > 1, scores  # or equality would say nothing

    checkpoint = job.work_dir / 'epoch_3.pth'
    tested = score_of(score, mim, library, config, checkpoint, **environment)
    # mim tests in channels_last, and not every processor trains in it: rounding may
    # move a joint by a quarter of a pixel
    near = pytest.approx(scores[-1], abs=5e-5, rel=2e-4)
    assert tested == near, (tested, scores)


class Processes:
    """A training job of several processes on this machine, started by torchrun.

    Args:
        config: What it trains or tests.
        work_dir: Where it works.
        options: Of the script; what it takes after the config, first.
        count: The number of processes.
        library: Whose script.
        script: ``train`` or ``test``.
        environment: Of the job.
    """

    def __init__(
        self,
        config: Path,
        work_dir: Path,
        *options: str,
        count: int = 2,
        library: str = 'mmpose',
        script: str = 'train',
        **environment: str,
    ) -> None:
        path = script_of(library, script)
        env = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
        work_dir.mkdir(parents=True, exist_ok=True)
        self.log = work_dir.with_suffix('.log')
        self.position = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open('a') as output:
            self.launcher = subprocess.Popen(
                [
                    sys.executable, '-m', 'torch.distributed.run', '--standalone',
                    '--nproc-per-node', str(count), str(path), str(config), *options,
                    '--work-dir', str(work_dir), '--launcher', 'pytorch',
                ],
                env={**env, 'OMP_NUM_THREADS': '1', **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """What it has printed since it was started."""
        with self.log.open() as file:
            file.seek(self.position)
            return file.read()

    def wait_for(self, pattern: str, seconds: float = 120) -> None:
        """Until it has printed something."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.said()):
            assert self.launcher.poll() is None, self.said()[-3000:]
            assert time.monotonic() < deadline, self.said()[-3000:]
            time.sleep(0.02)

    def rank(self, number: int) -> int:
        """The process id of one of the processes."""
        path = Path(f'/proc/{self.launcher.pid}/task/{self.launcher.pid}/children')
        return sorted(map(int, path.read_text().split()))[number]

    def wait(self, seconds: float = 300) -> int:
        """The exit code, and no process left."""
        try:
            return self.launcher.wait(seconds)
        except subprocess.TimeoutExpired:
            stacks = stacks_of(self.launcher.pid)
            said = self.said()[-3000:]
            pytest.fail(f'still running after {seconds} s:\n{said}\n{stacks}')
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.launcher.pid, signal.SIGKILL)
