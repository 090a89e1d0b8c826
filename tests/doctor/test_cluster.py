"""`hrnet-mm doctor --cluster`: two processes on CPUs, in jobs broken on purpose."""

import os
import re
import socket
import subprocess
import sys
import time

import pytest
from jobs import ROOT

pytest.importorskip('mmengine')

from hrnet_mm.doctor import node_checks, rendezvous
from hrnet_mm.doctor.cluster import JobReport, format_ranks
from hrnet_mm.doctor.rendezvous import ProcessInfo, detect_process

HOST = socket.gethostname()
LAUNCHED = [name for names in rendezvous.VARIABLES.values() for name in names]
UNSET = (*LAUNCHED, 'MASTER_ADDR', 'MASTER_PORT', 'SLURMD_NODENAME')
CLI = 'from hrnet_mm.cli import main; main()'
RANK = "import os; rank = int(os.environ['RANK'])\n"


def environment(**variables: str) -> dict[str, str]:
    """One table row is one line in it, and no launcher above the tests is."""
    env = {k: v for k, v in os.environ.items() if k not in UNSET}
    env |= {'PYTHONPATH': str(ROOT), 'COLUMNS': '999', 'CUDA_VISIBLE_DEVICES': ''}
    return env | {'OMP_NUM_THREADS': '1'} | variables


def command(*options: object, before: str = '') -> list[str]:
    """The doctor, after some code that breaks something."""
    words = [sys.executable, '-c', before + CLI, 'doctor', '--cluster', '--workers=0']
    return [*words, *map(str, options)]


def torchrun(*options: object, before: str = '', **variables: str):
    """Two ranks; what they printed, and the exit code."""
    launcher = '-m torch.distributed.run --standalone --nproc-per-node 2 --no-python'
    return subprocess.run(
        [sys.executable, *launcher.split(), *command(*options, before=before)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
    )


def by_hand(ranks: list[int], *options: object, before: str = ''):
    """Some of two ranks, as srun starts them: none is killed when another one ends."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = str(free.getsockname()[1])
    started = [
        subprocess.Popen(
            command(*options, before=before),
            env=environment(
                RANK=str(rank), WORLD_SIZE='2', LOCAL_RANK=str(rank),
                MASTER_ADDR='127.0.0.1', MASTER_PORT=port,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in started]
    return [process.returncode for process in started], said, port


def row(name: str, stdout: str) -> list[str]:
    """State, seen and why of a piece."""
    (line,) = re.findall(rf'^{name} {{2,}}(.*?) *$', stdout, re.M)
    return re.split(r' {2,}', line)


@pytest.fixture
def folders(tmp_path):
    """Data and a work dir."""
    for name in ('data', 'work'):
        (tmp_path / name).mkdir()
    (tmp_path / 'data/image.jpg').touch()
    return tmp_path


@pytest.mark.jobs
def test_all_is_fine(folders):
    (folders / 'w48.pth').write_bytes(b'12345')
    done = torchrun(
        '--folder', folders / 'data', '--work-dir', folders / 'work',
        '--weights', folders / 'w48.pth',
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('rendezvous') == 1
    assert done.stdout.count('Nothing is broken.') == 1
    assert row('rendezvous', done.stdout)[1].startswith('2 processes, MASTER_ADDR=')
    assert row('nodes', done.stdout) == ['ok', f'1: ranks 0-1 ({HOST})']
    assert row('backend', done.stdout) == ['ok', 'gloo']
    assert row('folder 1', done.stdout)[1].endswith('data: 1 entries')
    assert row('weights 1', done.stdout)[1].endswith('w48.pth: 5 bytes')
    assert row('process group', done.stdout) == ['ok', 'gloo adds 2 numbers']
    level, speed = row('all-reduce', done.stdout)
    assert level == 'ok'
    assert re.fullmatch(r'114 MB in \d+\.\d{3} s, \d+ MB/s', speed)
    assert row('one work_dir', done.stdout)[0] == 'ok'
    assert not list((folders / 'work').iterdir())


@pytest.mark.jobs
def test_what_differs_is_named_with_its_rank(folders):
    """A folder of one rank, two work dirs, two files, two versions, in one job."""
    (folders / 'data').rename(folders / 'data0')
    (folders / 'empty').mkdir()
    for rank in '01':
        (folders / f'work{rank}').mkdir()
        (folders / f'w{rank}.pth').write_text('x' * (1 + int(rank)))
    before = (
        f'{RANK}import hrnet_mm; hrnet_mm.__version__ = f"0.0.{{rank}}"\n'
        'from hrnet_mm.doctor import group_checks; group_checks.NFS = 0\n'
    )
    done = torchrun(
        '--folder', folders / 'data$RANK', '--folder', folders / 'empty',
        '--work-dir', folders / 'work$RANK', '--weights', folders / 'w$RANK.pth',
        before=before,
    )  # fmt: skip
    assert done.returncode == 1
    level, seen, why = row('folder 1', done.stdout)
    assert level == 'broken'
    assert seen == f'{folders}/data1: No such file or directory on rank 1 ({HOST})'
    assert why.startswith('mount or copy it there')
    assert row('folder 2', done.stdout)[:2] == ['broken', f'{folders}/empty: empty']
    level, seen, why = row('weights 1', done.stdout)
    assert level == 'broken'
    assert f'1 bytes on rank 0 ({HOST}); ' in seen
    assert seen.endswith(f'2 bytes on rank 1 ({HOST})')
    assert why.startswith('not the same file')
    level, seen, why = row('hrnet_mm', done.stdout)
    assert level == 'broken'
    assert seen == f'0.0.0 on rank 0 ({HOST}); 0.0.1 on rank 1 ({HOST})'
    assert why == 'use one environment on all nodes'
    assert row('work_dir', done.stdout)[0] == 'ok'
    level, seen, why = row('one work_dir', done.stdout)
    assert level == 'broken'
    assert seen.endswith(f'without the file that rank 0 wrote on rank 1 ({HOST})')
    assert 'Broken: hrnet_mm, folder 1, folder 2, weights 1, one' in done.stdout


@pytest.mark.jobs
def test_work_dir_that_is_not_there(folders):
    done = torchrun('--work-dir', folders / 'other')
    assert done.returncode == 1
    seen = f'{folders}/other: No such file or directory'
    assert row('work_dir', done.stdout)[:2] == ['broken', seen]
    assert f'    mkdir -p {folders}/other\n' in done.stdout
    assert 'one work_dir' not in done.stdout


@pytest.mark.jobs
def test_wrong_sum():
    before = f"""{RANK}from torch import distributed
add = distributed.all_reduce
def all_reduce(values, *args): add(values, *args); values += rank
distributed.all_reduce = all_reduce
"""
    done = torchrun('--timeout', 6, before=before)
    assert done.returncode == 1
    level, seen, _ = row('process group', done.stdout)
    assert level == 'broken'
    assert 'all-reduce gives 4 to 4, not 3' in seen
    assert f'on rank 1 ({HOST})' in seen


def test_no_launcher():
    done = subprocess.run(
        command(), env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert 'srun --nodes 2' in done.stdout
    assert 'torchrun --nproc-per-node 8 --no-python hrnet-mm doctor' in done.stdout


def test_options_of_a_cluster_need_it():
    words = [sys.executable, '-c', CLI, 'doctor', '--folder', 'data']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert 'need --cluster' in done.stderr


@pytest.mark.jobs
def test_rank_that_never_comes():
    start = time.monotonic()
    codes, ((stdout, _),), port = by_hand([0], '--timeout', 2)
    assert time.monotonic() - start < 40
    assert codes == [1]
    level, seen, why = row('rendezvous', stdout)
    assert (level, seen) == ('broken', '1 of 2 processes, without rank 1')
    assert f'MASTER_ADDR=127.0.0.1 MASTER_PORT={port}' in why
    assert 'export MASTER_ADDR=' in stdout
    assert row('nodes', stdout) == ['ok', f'1: rank 0 ({HOST})']


@pytest.mark.jobs
def test_rank_0_that_never_comes():
    start = time.monotonic()
    codes, ((stdout, stderr),), port = by_hand([1], '--timeout', 2)
    assert time.monotonic() - start < 40
    assert (codes, stdout) == ([1], '')
    point = f'MASTER_ADDR=127.0.0.1 MASTER_PORT={port}'
    assert f'rank 1 ({HOST}) cannot connect to rank 0 at {point} within 2 s' in stderr
    assert 'Connection refused' in stderr
    assert 'frame #' not in stderr


@pytest.mark.jobs
def test_rank_that_hangs():
    """All get an answer, and the same exit code."""
    before = f"""{RANK}import time
from torch import distributed
if rank: distributed.all_reduce = lambda *args: time.sleep(600)
"""
    codes, ((stdout, _), (other, _)), _ = by_hand([0, 1], '--timeout', 4, before=before)
    assert (codes, other) == ([1, 1], '')
    assert row('process group', stdout)[:2] == ['broken', 'no answer in 4 s']
    assert 'NCCL_SOCKET_IFNAME' in stdout


@pytest.mark.jobs
def test_rank_that_dies():
    before = f"""{RANK}from hrnet_mm.doctor import cluster, group_checks
cluster.NFS = 0
if rank: group_checks.run_checks = lambda *args: os._exit(7)
"""
    codes, ((stdout, _), _), _ = by_hand([0, 1], '--timeout', 4, before=before)
    assert codes == [1, 7]
    assert f'no answer on rank 1 ({HOST})' in ' '.join(row('process group', stdout))


@pytest.mark.jobs
def test_few_open_files():
    """A warning breaks nothing."""
    limit = 'import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (600, 4096))\n'
    done = torchrun('--workers', 4, before=limit)
    assert done.returncode == 0, done.stderr
    level, seen, why = row('open files', done.stdout)
    assert (level, seen) == ('warning', '600')
    assert '4 workers share about 2304 files' in why
    assert 'ulimit -n $(ulimit -Hn)' in done.stdout


def test_weights_by_name(tmp_path, monkeypatch):
    """In the cache, or not: nothing is downloaded."""
    monkeypatch.setenv('HRNET_MM_CACHE', str(tmp_path))
    found = node_checks.check_weights('weights 1', 'hrnet://w48/imagenet')
    assert found.level == 'broken'
    assert 'No such file' in found.seen
    assert found.fix == 'hrnet-mm fetch hrnet://w48/imagenet'
    (tmp_path / 'w48.pth').touch()
    found = node_checks.check_weights('weights 1', f'{tmp_path}/w48.pth')
    assert (found.level, found.seen) == ('broken', f'{tmp_path}/w48.pth: empty')
    (tmp_path / 'hrnetv2_w48-d2186c55.pth').write_bytes(b'123')
    found = node_checks.check_weights('weights 1', 'w48/imagenet')
    assert (found.level, found.seen) == ('ok', 'w48/imagenet: 3 bytes')
    found = node_checks.check_weights('weights 1', 'https://example.org/a/b/w48-0.pth')
    assert found.seen == f'{tmp_path}/w48-0.pth: No such file or directory'
    found = node_checks.check_weights('weights 1', 'hrnet://w49/imagenet')
    assert found.level == 'broken'
    assert 'w48/imagenet' in found.seen


def job(**hosts: list[int]) -> JobReport:
    """Ranks by host; each node has four cores, and lends them to all."""
    reports = {
        rank: dict(host=host, cuda=host != 'old', cores=[0, 1, 2, 3], findings=[])
        for host, ranks in hosts.items()
        for rank in ranks
    }
    return JobReport(ProcessInfo('srun', 0, 8, 0, 'n1', 1), reports)


def test_who_is_missing_and_where_the_others_are():
    some = job(n1=[0, 1, 2], n2=[3, 6])
    assert some.rendezvous().seen == '5 of 8 processes, without ranks 4-5, 7'
    assert some.nodes().seen == '2: ranks 0-2 (n1), ranks 3, 6 (n2)'
    many = job(**{f'n{rank}': [rank] for rank in range(8)})
    assert many.nodes().seen.endswith('rank 3 (n3), 4 more nodes')
    assert format_ranks([5]) == 'rank 5'


def test_node_without_a_gpu():
    found = job(n1=[0, 1], old=[2, 3]).backend()
    assert (found.level, found.seen) == ('broken', 'no GPU on ranks 2-3 (old)')


def test_cores_of_the_fullest_node():
    some = job(n1=[0, 1, 2], n2=[3])
    assert some.cores(workers=1).level == 'ok'
    found = some.cores(workers=2)
    assert (found.level, found.seen) == ('warning', '1.3 for each process')
    assert found.fix.startswith('--cpus-per-task=3')


def test_gpu_of_another_number(monkeypatch):
    monkeypatch.setattr(node_checks.torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setattr(
        node_checks.torch.cuda, 'get_device_name', lambda number: 'H100'
    )
    assert node_checks.check_gpu(ProcessInfo('srun', 0, 8, 0, 'n1', 1)).level == 'ok'
    found = node_checks.check_gpu(ProcessInfo('srun', 3, 8, 3, 'n1', 1))
    assert (found.level, found.seen) == ('broken', '1 x H100, and local rank 3')
    assert 'without --gpus-per-task' in found.fix


def test_place_in_slurm(monkeypatch, tmp_path):
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    assert detect_process() is None
    for name, value in dict(PROCID=9, NTASKS=16, LOCALID=1, JOB_ID=10_007).items():
        monkeypatch.setenv(f'SLURM_{name}', str(value))
    assert detect_process() is None  # a batch script, outside of srun
    monkeypatch.setenv('SLURM_STEP_ID', '0')
    monkeypatch.setenv('PATH', str(tmp_path))  # no scontrol
    process = detect_process()
    assert (process.launcher, process.rank, process.size) == ('srun', 9, 16)
    assert (process.local_rank, process.address, process.port) == (1, '', 20_007)
    with pytest.raises(rendezvous.RendezvousError, match='no scontrol here'):
        rendezvous.Rendezvous(process, 1)
    monkeypatch.setenv('MASTER_ADDR', 'n7')
    monkeypatch.setenv('MASTER_PORT', '1234')
    assert detect_process().endpoint == 'MASTER_ADDR=n7 MASTER_PORT=1234'


def test_port_that_is_taken():
    with socket.create_server(('', 0)) as other:
        process = ProcessInfo('srun', 0, 2, 0, '127.0.0.1', other.getsockname()[1])
        with pytest.raises(rendezvous.RendezvousError, match='address already in use'):
            rendezvous.Rendezvous(process, 2)
