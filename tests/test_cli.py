"""The command `hrnet-mm`."""

from __future__ import annotations

import json

from click.testing import CliRunner
from PIL import Image

from hrnet_mm import __version__
from hrnet_mm.cli import main
from hrnet_mm.data import TinyPeople


def run(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_help_names_every_command():
    shown = run('--help')
    assert shown.exit_code == 0
    assert all(name in shown.output for name in ('demo', 'doctor', 'tiny-people'))


def test_version():
    assert __version__ in run('--version').output


def test_tiny_people_draws_once_and_shows_it(tmp_path, monkeypatch):
    monkeypatch.setattr(
        'hrnet_mm.data.TinyPeople',
        lambda seed: TinyPeople(seed, splits={'train': 1, 'val': 6, 'test': 1}),
    )
    sheet = tmp_path / 'sheet.jpg'
    shown = run('tiny-people', tmp_path / 'people', '--seed', 3, '--sheet', sheet)
    assert shown.exit_code == 0, shown.output
    assert json.loads((tmp_path / 'people/tiny_people.json').read_text())['seed'] == 3
    assert Image.open(sheet).size[0] > 1000


def test_tiny_people_does_not_touch_a_folder_with_other_files(tmp_path):
    (tmp_path / 'mine.txt').touch()
    shown = run('tiny-people', tmp_path)
    assert shown.exit_code == 1
    assert 'mine.txt' in shown.output
    assert 'Traceback' not in shown.output
