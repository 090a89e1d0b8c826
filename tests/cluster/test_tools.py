from __future__ import annotations

import pytest
from mmengine.config import Config

from hrnet_mm.cluster.tools import go_on_or_begin

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
    assert go_on_or_begin(words, settings, default) == words[:-1]
    (tmp_path / 'epoch_1.pth').touch()
    going_on = [*words, '--cfg-options', 'load_from=None']
    assert go_on_or_begin(words, settings, default) == going_on


def test_resume_from_a_file_and_then_from_the_work_folder(tmp_path):
    """`tools/slurm_train.sh CONFIG --resume FILE`, started again and again."""
    words = ['config.py', '--resume', 'a.pth', '--launcher', 'slurm', '--resume']
    begun = [*WORDS, 'a.pth']
    assert go_on_or_begin(words, Config({}), str(tmp_path)) == begun
    (tmp_path / 'epoch_1.pth').touch()
    going_on = [*WORDS, '--cfg-options', 'load_from=None']
    assert go_on_or_begin(words, Config({}), str(tmp_path)) == going_on


@pytest.mark.parametrize('words', [['config.py'], ['config.py', '--resume', 'a.pth']])
def test_everything_else_is_left_alone(words):
    assert go_on_or_begin(words, Config({}), 'work_dirs/config') == words
