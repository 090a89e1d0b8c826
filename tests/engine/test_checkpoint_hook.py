"""A checkpoint that can be loaded is there at every moment."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from mmengine.fileio import get_file_backend

from hrnet_mm.engine import checkpoint_hook
from hrnet_mm.engine.checkpoint_hook import WHOLE_FILES, repair_pointer
from hrnet_mm.files import write_atomically

OLD, NEW = b'old' * 100_000, b'new' * 1_000_000


@pytest.fixture
def full_disk():
    """Files of more than 1 MB are refused, as by a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def save(path: Path, seconds_ago: float = 0) -> Path:
    """A small checkpoint."""
    torch.save(dict(state_dict={'w': torch.rand(1000)}, meta={}), path)
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    return path


def test_a_full_disk_leaves_what_was_there(tmp_path, full_disk):
    path = tmp_path / 'epoch_1.pth'
    write_atomically(path, OLD)
    with pytest.raises(OSError, match=r'it needs 3.0 MB.*continue with --resume'):
        get_file_backend(backend_args=WHOLE_FILES).put(NEW, path)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_kill_9_while_writing_leaves_the_old_or_the_new(tmp_path):
    path = tmp_path / 'last.pth'
    code = (
        'import sys; from pathlib import Path\n'
        'from hrnet_mm.files import write_atomically\n'
        'i = 0\n'
        'while True:\n'
        '    write_atomically(Path(sys.argv[1]), bytes([i % 256]) * 20_000_000)\n'
        '    i += 1\n'
    )
    child = subprocess.Popen([sys.executable, '-c', code, str(path)])
    try:
        while not path.exists():
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(0.237)
    finally:
        child.kill()
        child.wait()
    content = path.read_bytes()
    assert len(content) == 20_000_000
    assert len(set(content)) == 1


def test_a_damaged_file_is_passed_over(tmp_path):
    older, newer = (
        save(tmp_path / 'epoch_1.pth', 20),
        save(tmp_path / 'epoch_2.pth', 10),
    )
    last = save(tmp_path / 'epoch_3.pth')
    pointer = tmp_path / 'last_checkpoint'
    pointer.write_text(str(last))
    warn = Mock()
    repair_pointer(tmp_path, warn)
    assert not warn.called
    assert pointer.read_text() == str(last)

    last.write_bytes(last.read_bytes()[:-500])
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1  # a bit
    newer.write_bytes(content)
    repair_pointer(tmp_path, warn)
    assert pointer.read_text() == str(older)
    (said,) = warn.call_args.args
    assert f'{last} is damaged' in said
    assert f'{newer} is damaged' in said
    assert f'Resuming from {older}' in said


def test_a_pointer_to_nothing_or_none_at_all(tmp_path):
    warn = Mock()
    repair_pointer(tmp_path, warn)  # a job that begins
    assert not warn.called
    there = save(tmp_path / 'iter_5.pth')
    save(tmp_path / 'best_AP_epoch_1.pth')  # weights alone
    pointer = tmp_path / 'last_checkpoint'
    for text in (None, str(tmp_path / 'epoch_9.pth')):
        pointer.unlink(missing_ok=True)
        if text:
            pointer.write_text(text)
        repair_pointer(tmp_path, warn)
        assert pointer.read_text() == str(there)


def test_when_all_are_damaged_it_says_so(tmp_path):
    save(tmp_path / 'epoch_1.pth').write_bytes(b'PK')
    with pytest.raises(
        ValueError, match=r'no checkpoint that can be loaded(.|\n)*start'
    ):
        repair_pointer(tmp_path, Mock())


def test_the_old_one_goes_after_the_new_one_is_there(tmp_path, monkeypatch):
    old = save(tmp_path / 'epoch_1.pth')
    hook = checkpoint_hook.CheckpointHook(interval=1, max_keep_ckpts=1)
    hook.file_backend = get_file_backend(backend_args=WHOLE_FILES)

    def save_on_a_full_disk() -> None:
        with hook._removing_later():
            hook.file_backend.remove(str(old))
            raise OSError('full')

    with pytest.raises(OSError, match='full'):
        save_on_a_full_disk()
    assert old.is_file()
    with hook._removing_later():
        hook.file_backend.remove(str(old))
        assert old.is_file()
    assert not old.exists()
