"""The command `hrnet-mm`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from hrnet_mm import __version__
from hrnet_mm.cli import main
from hrnet_mm.profiling import (
    PUBLISHED,
    published_notes,
    published_table,
    recompute,
)
from hrnet_mm.tiny_people import TinyPeople

COMMANDS = (
    'check', 'convert', 'curves', 'demo', 'doctor', 'fetch', 'inspect', 'new',
    'predict', 'profile', 'push', 'score', 'show', 'tiny-people',
)  # fmt: skip


def run(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_help_names_every_command():
    shown = run('--help')
    assert shown.exit_code == 0
    assert all(name in shown.output for name in COMMANDS)


def test_version():
    assert __version__ in run('--version').output


def test_tiny_people_draws_once_and_shows_it(tmp_path, monkeypatch):
    monkeypatch.setattr(
        'hrnet_mm.tiny_people.TinyPeople',
        lambda seed, crowd: TinyPeople(
            seed, splits={'train': 1, 'val': 6, 'test': 1}, crowd=crowd
        ),
    )
    sheet = tmp_path / 'sheet.jpg'
    shown = run('tiny-people', tmp_path / 'people', '--seed', 3, '--sheet', sheet)
    assert shown.exit_code == 0, shown.output
    assert json.loads((tmp_path / 'people/tiny_people.json').read_text())['seed'] == 3
    assert Image.open(sheet).size[0] > 1000
    monkeypatch.chdir(tmp_path)
    assert run('tiny-people', '--crowd').exit_code == 0
    assert json.loads(Path('data/tiny_crowd/tiny_people.json').read_text())['crowd']


def test_tiny_people_does_not_touch_a_folder_with_other_files(tmp_path):
    (tmp_path / 'mine.txt').touch()
    shown = run('tiny-people', tmp_path)
    assert shown.exit_code == 1
    assert 'mine.txt' in shown.output
    assert 'Traceback' not in shown.output


def test_profile_is_a_table_that_fits_or_data(run_python):
    code = 'from hrnet_mm.cli import main; main()'
    shown = run_python('-c', code, 'profile', 'w18_small_v1', '--size', '64', '64')
    assert shown.returncode == 0, shown.stderr
    assert '1,477,920' in shown.stdout
    assert 'stage 4 stream 3    128 at 1/32' in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    data = json.loads(run('profile', 'w18_small_v1', '--json').output)
    assert data['total']['parameters'] == 1_477_920


def test_published_figures_fit_a_terminal_and_notes_are_whole():
    longest = max((row for row in PUBLISHED if row.note), key=lambda row: len(row.name))
    rows = [recompute(longest)]
    table = io.StringIO()
    console = Console(file=table, width=80)
    console.print(published_table(rows))
    assert 'equal' in table.getvalue()
    assert '…' not in table.getvalue()
    (note,) = published_notes(rows, {})
    assert rows[0]['note'] in note


def test_an_image_of_no_size_is_refused():
    shown = run('profile', 'w18_small_v1', '--size', '0', '64')
    assert shown.exit_code == 2
    assert '0 is not in the range x>=32' in shown.output


def test_profile_refuses_what_it_cannot_measure():
    shown = run('profile', 'w49')
    assert shown.exit_code == 1
    assert 'w49 is neither a config file' in shown.output
    assert (
        run('profile').exit_code == run('profile', 'w48', '--published').exit_code == 2
    )


@pytest.mark.parametrize(
    ('name', 'content'),
    [('a.py', 'model = dict('), ('a.py', "_base_ = ['b.py']"), ('a.txt', 'x')],
)
@pytest.mark.parametrize('command', ['show', 'profile', 'export'])
def test_a_config_that_cannot_be_read_is_one_message(command, name, content, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    words = dict(show=[path], profile=[], export=[path, '--format', 'torch-export'])
    done = run(command, path, *words[command])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert f'cannot read the config {path}: ' in done.output
