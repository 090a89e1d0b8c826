"""Time and memory of a trunk by size, batch, width and threads."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from benchmarks import scaling
from benchmarks.scaling import Point, count_steps, measure_scaling, write_scaling
from benchmarks.timing import Timing

SMALL = 'w18_small_v1'


@pytest.fixture
def measured(monkeypatch):
    """A few small points."""
    monkeypatch.setattr(scaling, 'SIDES', (0.5, 1))
    monkeypatch.setattr(scaling, 'BATCHES', (1, 2))
    monkeypatch.setattr(scaling, 'WIDTHS', (SMALL, 'w18_small_v2'))
    monkeypatch.setattr(scaling, 'series', small_series(scaling.series))
    return measure_scaling(SMALL, (128, 128), 1, 'cpu', lambda what: None)


def small_series(series):
    def on_two_threads(arch, size, threads):
        return series(arch, size, 2)

    return on_two_threads


@pytest.mark.jobs
def test_work_and_memory_grow_with_area_batch_and_width(measured):
    threads = torch.get_num_threads()
    by_series = scaling.group_by_series(measured)
    assert list(by_series) == ['area', 'batch', 'width', 'threads']
    for name in ('area', 'batch', 'width'):
        first, second = by_series[name]
        assert first.macs < second.macs
        assert first.saved < second.saved
    area = by_series['area']
    assert area[1].macs == 4 * area[0].macs
    batch = by_series['batch']
    assert batch[1].saved == pytest.approx(2 * batch[0].saved, rel=0.01)
    assert [p.threads for p in by_series['threads']] == [1, 2]
    assert torch.get_num_threads() == threads
    assert all(len(p.timing.seconds) == 1 and p.share > 0 for p in measured)


def test_the_report_has_relative_costs(tmp_path):
    points = [
        Point('batch', n, SMALL, (64, 64), n, 2, macs=n * 2**30, saved=n * 2**20,
              timing=Timing([seconds], [0]), peak=Timing([1.0], [0]))
        for n, seconds in ((1, 2.0), (2, 2.0), (4, 5.0))
    ]  # fmt: skip
    paths = write_scaling(points, dict(torch='2.0'), tmp_path)
    rows = [s for s in paths[0].read_text().splitlines() if SMALL in s]
    assert [row.split(' | ')[6] for row in rows] == ['2.00', '1.00', '1.25']
    assert len(json.loads(paths[1].read_text())['points']) == 3
    assert min(Image.open(paths[2]).size) > 100


def test_steps_of_progress_are_counted():
    said = []
    points = scaling.series(SMALL, (64, 64), 1)['threads']
    scaling.measure(points, 1, 'cpu', said.append)
    assert len(said) == 1 + 2
    assert count_steps(1) > len(said)
