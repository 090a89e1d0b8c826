from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from hrnet_mm.checkpoints.safe_load import load
from hrnet_mm.engine import tools
from hrnet_mm.engine.tools import find_script, resume_or_start, run_script

ROOT = Path(__file__).resolve().parents[2]
WORDS = ['config.py', '--launcher', 'slurm', '--resume']


@pytest.mark.parametrize('given', ['argument', 'option', 'config', 'nothing'])
def test_resume_does_what_the_work_folder_asks_for(tmp_path, given):
    words, settings, default = WORDS, Config(dict(load_from='coco.pth')), 'elsewhere'
    if given == 'argument':
        words = ['config.py', '--work-dir', str(tmp_path), *WORDS[1:]]
    elif given == 'option':
        words = ['config.py', '--cfg-options', f'work_dir={tmp_path}', *WORDS[1:]]
    elif given == 'config':
        settings.work_dir = str(tmp_path)
    else:
        default = str(tmp_path)
    (tmp_path / 'best_AP_epoch_1.pth').touch()  # weights alone
    assert resume_or_start(words, settings, default) == words[:-1]
    (tmp_path / 'epoch_1.pth').touch()
    going_on = [*words, '--cfg-options', 'load_from=None']
    assert resume_or_start(words, settings, default) == going_on


def test_resume_from_a_file_and_then_from_the_work_folder(tmp_path):
    """`tools/slurm_train.sh CONFIG --resume FILE`, started again and again."""
    words = ['config.py', '--resume', 'a.pth', '--launcher', 'slurm', '--resume']
    begun = [*WORDS, 'a.pth']
    assert resume_or_start(words, Config({}), str(tmp_path)) == begun
    (tmp_path / 'epoch_1.pth').touch()
    going_on = [*WORDS, '--cfg-options', 'load_from=None']
    assert resume_or_start(words, Config({}), str(tmp_path)) == going_on


@pytest.mark.parametrize('words', [['config.py'], ['config.py', '--resume', 'a.pth']])
def test_everything_else_is_left_alone(words):
    assert resume_or_start(words, Config({}), 'work_dirs/config') == words


@pytest.mark.parametrize('library', ['mmpose', 'mmseg', 'mmdet', 'mmpretrain'])
def test_publish_model_reads_what_mmengine_writes(library, tmp_path, monkeypatch):
    """From torch 2.6 on it cannot by itself: the file holds histories of losses."""
    pytest.importorskip(library)
    monkeypatch.setattr(sys, 'argv', [])
    monkeypatch.setattr(sys, 'path', [*sys.path])
    source, target = tmp_path / 'epoch_1.pth', tmp_path / 'mine.pth'
    content = dict(
        meta=dict(dataset_meta=dict(classes=('a',))),
        state_dict=dict(weight=torch.ones(2)),
        optimizer=dict(state={}),
        message_hub=dict(log_scalars={'train/loss': HistoryBuffer([1.0], [1])}),
    )
    torch.save(content, source)
    run_script(find_script(library, 'publish_model'), [str(source), str(target)])
    deadline = time.monotonic() + 10  # three of them rename it in another process
    while not (found := [*tmp_path.glob('mine[-_]*.pth')]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.01)
    published = load(found[0])
    assert 'optimizer' not in published
    assert published['meta']['dataset_meta'] == dict(classes=('a',))
    assert published['state_dict']['weight'].tolist() == [1, 1]


def test_a_script_is_found_by_its_name_if_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr('hrnet_mm.engine.tools._tools_folder', lambda library: tmp_path)
    for name in ('test', 'misc/browse', 'analysis/browse', 'analysis/my_test'):
        path = tmp_path / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert find_script('mmdet', 'test') == tmp_path / 'test.py'
    assert find_script('mmdet', 'my_test.py') == tmp_path / 'analysis/my_test.py'
    assert find_script('mmdet', 'misc/browse') == tmp_path / 'misc/browse.py'
    with pytest.raises(
        ValueError, match='2 scripts browse: analysis/browse, misc/browse'
    ):
        find_script('mmdet', 'browse')
    with pytest.raises(ValueError, match='no script flops; it has analysis/browse, '):
        find_script('mmdet', 'flops')
    with pytest.raises(
        ValueError, match="'mmdetection': expected mmpose, mmseg, mmdet"
    ):
        find_script('mmdetection', 'test')


def test_several_tasks_run_the_script_of_the_library_of_the_first(
    tmp_path, monkeypatch
):
    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'hrnet_mm'\n"
        "model = dict(tasks=dict(parts=dict(_scope_='mmseg'), boxes=dict()))\n"
    )
    ran = []
    monkeypatch.setattr(tools, '_tools_folder', Path)
    monkeypatch.setattr(tools, 'run_script', lambda *of_call: ran.append(of_call))
    monkeypatch.setattr(sys, 'argv', ['test.py', str(config), 'weights.pth'])
    tools.run_tool('test')
    assert ran == [(Path('mmseg/test.py'), [str(config), 'weights.pth'])]


@pytest.mark.parametrize('name', ['train', 'test'])
def test_mim_gets_the_help_of_our_scripts_without_importing_torch(name):
    """`mim train` asks for it before each job."""
    code = (
        'import runpy, sys\n'
        "sys.argv = ['script', '-h']\n"
        f'runpy.run_path({str(ROOT / f"tools/{name}.py")!r}, run_name="__main__")\n'
        "assert not {'torch', 'mmengine'} & {*sys.modules}\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert 'CONFIG' in done.stdout
