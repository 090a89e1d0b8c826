"""Memory and time of networks, measured in processes of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.networks import PAPER, QUICK, ROWS, Row, Setting
from benchmarks.paper_report import Entry, write_paper_table
from benchmarks.paper_table import choose_rows, count_steps, measure_rows
from benchmarks.worker import Result, Worker

SMALL = Setting((64, 64), (64, 64), 2)


def row(name: str) -> Row:
    (found,) = [row for row in ROWS if row.name == name]
    pytest.importorskip(
        dict(pose='mmpose', segmentation='mmseg').get(found.task, 'mmdet')
    )
    return found


def test_every_row_has_a_config_and_every_task_a_setting():
    for entry in ROWS:
        if entry.package != 'hrnet_mm':
            pytest.importorskip(entry.package)
        assert Path(entry.path).is_file()
    assert set(PAPER) == set(QUICK) == {entry.task for entry in ROWS}


@pytest.mark.jobs
@pytest.mark.parametrize('name', ['HRNet-W32', 'HRNetV2-W48', 'HRNetV2p-W18'])
def test_a_network_trains_and_tests_in_its_own_process(name):
    chosen, said = row(name), []
    settings = {chosen.task: SMALL}
    (entry,) = measure_rows([chosen], settings, 1, 'cpu', said.append)
    assert not entry.result.failure
    assert len(entry.result.train) == len(entry.result.test) == 1
    assert entry.result.train_memory > entry.result.test_memory > 0
    # parameters, gradients and momenta, at least
    assert entry.result.train_memory > 3 * 4 * entry.parameters
    assert len(said) == count_steps([chosen], 1)


def test_a_network_that_does_not_fit_says_so():
    setting = replace(SMALL, train=(64, 64), test=(2**17, 2**17))
    worker = Worker(row('HRNet-W32'), setting, 'cpu', 1)
    worker.test()
    worker.close()
    assert worker.result.failure == 'does not fit in memory'


def test_a_process_that_is_killed_does_not_end_the_others():
    worker = Worker(row('HRNet-W32'), SMALL, 'cpu', 1)
    worker._process.kill()
    worker.train()
    assert worker.result.failure.startswith('does not fit in memory (ended with')
    worker.close()


def test_the_report_has_no_empty_cell(tmp_path):
    whole = Result([2.0, 1.0, 3.0], [0.5], 3 * 2**30, 2**30)
    half = Result([], [0.5], 0, 2**30, 'does not fit in memory')
    none = Result(failure='does not fit in memory')
    entries = [
        Entry(entry, QUICK[entry.task], 10**7, 2**31, result)
        for entry, result in zip(ROWS[3:6], (whole, half, none), strict=True)
    ]
    paths = write_paper_table(entries, dict(device='a CPU'), tmp_path / 'report')
    text = paths[0].read_text()
    assert '| HRNet-W32 | 10.0 M | 2.0 | 3.00 GiB | 2.000 s (1.000 to 3.000) |' in text
    cells = [
        c for s in text.splitlines() if s.startswith('|') for c in s[1:-1].split('|')
    ]
    assert all(cell.strip() for cell in cells)
    assert text.count('does not fit in memory') == 2 + 4
    assert len(json.loads(paths[1].read_text())['rows']) == 3
    assert min(Image.open(paths[2]).size) > 300


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="unknown task 'poses'; choose from"):
        choose_rows(['poses'])


@pytest.mark.sweep
def test_the_quick_table_is_whole(tmp_path, run_python):
    done = run_python(
        '-m', 'benchmarks', 'paper', '--quick', '--rounds', '1', '--task', 'pose',
        '--output', str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads((tmp_path / 'paper.json').read_text())['rows']
    names = [entry.name for entry in ROWS if entry.task == 'pose']
    assert [entry['row']['name'] for entry in rows] == names
    assert not any(entry['result']['failure'] for entry in rows)
