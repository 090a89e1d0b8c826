"""A real Slurm of two nodes, both of them this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip('mmpose')

from jobs import QUICK_NORMS, Job

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DAEMONS = ('munged', 'slurmctld', 'slurmd')
SLURM_CONF = """
ClusterName=tiny
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd-%n.log
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 Gres=gpu:1
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""
GRES_CONF = """
AutoDetect=off
NodeName=n1 Name=gpu File=/dev/null
NodeName=n2 Name=gpu File=/dev/zero
"""
LINES = f"""
_base_ = ['{ROOT}/configs/pose/hrnet_w18_small_v1_tiny-pose.py']
train_dataloader = dict(batch_size=2, num_workers=1, persistent_workers=True)
val_dataloader = test_dataloader = dict(batch_size=1)
val_evaluator = test_evaluator = [_base_.val_evaluator, dict(type='EPE')]
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
model = dict(backbone=dict(norm_cfg=dict(type='BN', **{QUICK_NORMS})))
train_cfg = dict(max_epochs=3, val_interval=3)
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """What a user of a cluster types.

    Args:
        environment: Where Slurm is found.
        folder: Where jobs are started from.
    """

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder

    def call(self, *command: str, seconds: float = 60) -> str:
        """Run a command; what it printed."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=ROOT,
            text=True,
            capture_output=True,
            timeout=seconds,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def submit(self, script: str, *args: str) -> int:
        """Two nodes of one task each; the number of the job."""
        said = self.call(
            'sbatch', '--nodes=2', '--ntasks-per-node=1', '--gres=gpu:1',
            '--cpus-per-task=2', f'--output={self.folder}/%j.log', '--time=10',
            f'tools/{script}', *args,
        )  # fmt: skip
        return int(said.split()[-1])

    def log(self, job: int) -> str:
        path = self.folder / f'{job}.log'
        return path.read_text() if path.exists() else ''

    def wait_for(self, job: int, pattern: str, seconds: float = 120) -> None:
        """Until a job has printed something."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.log(job)):
            assert time.monotonic() < deadline, self.log(job)[-3000:]
            time.sleep(0.05)

    def wait(self, job: int, seconds: float = 100) -> str:
        """Until a job has ended; its state."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            shown = self.call('scontrol', 'show', 'job', str(job))
            state = re.search(r'JobState=(\w+)', shown)[1]
            if state not in ('PENDING', 'RUNNING', 'COMPLETING'):
                return state
            if 'Reason=BeginTime' in shown:  # a job that is requeued waits minutes
                time.sleep(2)  # slurmd starts no job in the second it killed it in
                self.call('scontrol', 'update', f'JobId={job}', 'StartTime=now')
            time.sleep(0.3)
        pytest.fail(shown + self.log(job)[-3000:])


@pytest.fixture(scope='module')
def cluster(tmp_path_factory, few_people) -> Iterator[Cluster]:
    """Started for these tests, and ended after them."""
    missing = [name for name in DAEMONS if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f'no Slurm: {" ".join(missing) or "root"} is missing (slurm-wlm)')
    # munge wants folders that nobody else can write to
    folder = Path(f'/run/hrnet-slurm-{os.getpid()}')
    for name in ('state', 'spool-n1', 'spool-n2'):
        (folder / name).mkdir(parents=True)
    key = folder / 'munge.key'
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    conf = folder / 'slurm.conf'
    host = socket.gethostname()
    conf.write_text(SLURM_CONF.format(host=host, folder=folder, ports=free_ports(3)))
    (folder / 'gres.conf').write_text(GRES_CONF)
    environment = {
        **os.environ,
        'SLURM_CONF': str(conf),
        'PYTHONPATH': str(ROOT),
        'VENV': sys.prefix,
        'TINY_PEOPLE': str(few_people),
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
        'MASTER_ADDR': '127.0.0.1',  # nobody resolves n1
        'COLUMNS': '200',
    }
    files = ('socket', 'pid-file', 'log-file', 'seed-file')
    munge = [f'--{name}={folder}/munge.{name.split("-")[0]}' for name in files]
    daemons = [
        ['munged', '--foreground', '--force', f'--key-file={key}', *munge],
        ['slurmctld', '-D', '-c', '-f', str(conf)],
        ['slurmd', '-D', '-N', 'n1', '-f', str(conf)],
        ['slurmd', '-D', '-N', 'n2', '-f', str(conf)],
    ]
    started = []
    jobs = Cluster(environment, tmp_path_factory.mktemp('slurm'))
    try:
        with (jobs.folder / 'daemons.log').open('w') as output:
            for command in daemons:
                started.append(
                    subprocess.Popen(
                        command, env=environment, stdout=output, stderr=output
                    )
                )
                time.sleep(1)
        deadline = time.monotonic() + 30
        while jobs.call('sinfo', '-h', '-o', '%D %t').strip() != '2 idle':
            assert time.monotonic() < deadline, (folder / 'ctld.log').read_text()
            time.sleep(0.5)
        yield jobs
    finally:
        subprocess.run(
            ['scancel', '--full', '--signal=KILL', '--user=root'], env=environment
        )
        for daemon in reversed(started):
            daemon.send_signal(signal.SIGTERM)
        for daemon in reversed(started):
            daemon.wait(20)
        shutil.rmtree(folder)


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('config') / 'config.py'
    path.write_text(LINES)
    return path


def test_a_preempted_job_is_queued_again_and_goes_on(cluster, config, tmp_path):
    whole, left = Job(tmp_path / 'whole'), Job(tmp_path / 'left')
    train = ('slurm_train.sh', str(config), '--work-dir')
    number = cluster.submit(*train, str(whole.work_dir))
    assert cluster.wait(number) == 'COMPLETED', cluster.log(number)[-3000:]
    assert 'communicate via gloo' in cluster.log(number)

    number = cluster.submit(*train, str(left.work_dir))
    cluster.wait_for(number, r'Epoch\(train\)\s+\[2\]\[\s*3/')
    cluster.call('scancel', '--batch', '--signal=USR1', str(number))  # --signal=B:USR1
    cluster.wait_for(number, 'start it with --resume to continue from there')
    assert cluster.wait(number) == 'COMPLETED', cluster.log(number)[-3000:]
    assert re.search(r'Resuming at batch \d', cluster.log(number))
    assert left.losses() == whole.losses()
    assert left.scores('EPE') == pytest.approx(whole.scores('EPE'), rel=1e-5)

    test = cluster.submit(
        'slurm_test.sh', str(config), str(whole.work_dir / 'epoch_3.pth'),
        '--work-dir', str(tmp_path / 'test'),
    )  # fmt: skip
    assert cluster.wait(test) == 'COMPLETED', cluster.log(test)[-3000:]
    assert re.search(r'coco/AP: .* EPE: ', cluster.log(test))


def test_a_cancelled_job_saves_and_is_not_queued_again(cluster, config, tmp_path):
    number = cluster.submit(
        'slurm_train.sh', str(config), '--work-dir', str(tmp_path / 'job')
    )
    cluster.wait_for(number, r'Epoch\(train\)\s+\[1\]\[\s*1/')
    cluster.call('scancel', str(number))
    assert cluster.wait(number) == 'CANCELLED', cluster.log(number)[-3000:]
    assert (tmp_path / 'job/preempted.pth').is_file()


def test_mim_trains_on_slurm(cluster, config, tmp_path):
    job = Job(tmp_path / 'job')
    cluster.call(
        sys.executable, '-c', 'from mim.cli import cli; cli()', 'train', 'mmpose',
        str(config), '--launcher', 'slurm', '--partition', 'debug', '--gpus', '2',
        '--gpus-per-node', '1', '--cpus-per-task', '2', '--work-dir',
        str(job.work_dir), '--cfg-options', 'train_cfg.max_epochs=1',
        seconds=200,
    )  # fmt: skip
    assert len(job.losses()) == 7


def test_the_doctor_sees_both_nodes(cluster, tmp_path):
    said = cluster.call(
        'srun', '--nodes=2', '--ntasks-per-node=1', '--gres=gpu:1', sys.executable,
        '-c', 'from hrnet_mm.cli import main; main()', 'doctor', '--cluster',
        '--work-dir', str(tmp_path), '--workers=0', seconds=120,
    )  # fmt: skip
    assert re.search(r'rendezvous +ok +2 processes, MASTER_ADDR=127.0.0.1', said)
    assert re.search(r'nodes +ok +2: rank 0 \(n1\), rank 1 \(n2\)', said)
    assert re.search(r'process group +ok', said)
    assert re.search(r'one work_dir +ok', said)
