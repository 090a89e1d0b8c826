"""Comparison with the HRNet of other libraries."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

from benchmarks.__main__ import main
from benchmarks.against import Comparison, Variant, compare, forward, largest_error
from benchmarks.against_report import write_ratios
from benchmarks.baselines import BASELINES
from benchmarks.timing import (
    Timing,
    dense_macs,
    saved_for_backward,
    time_interleaved,
)

SMALL = 'w18_small_v1'


@pytest.mark.parametrize('library', BASELINES)
def test_theirs_and_ours_compute_the_same(library):
    pytest.importorskip(library)
    theirs, ours = BASELINES[library].quick().build(SMALL, 'cpu')
    x = torch.rand(2, 3, 64, 64)
    for model in (theirs, ours):
        model.eval()
    assert largest_error(forward(ours, x), forward(theirs, x)) < 1e-5


@pytest.mark.jobs
def test_a_comparison_measures_inference_and_training():
    pytest.importorskip('mmpose')
    said = []
    baseline = BASELINES['mmpose'].quick()
    inference, training = compare(baseline, SMALL, 'cpu', 2, said.append)
    names = [variant.name for variant in inference.variants]
    assert names[:5] == [
        'mmpose',
        'hrnet_mm',
        'auto',
        'deploy',
        'deploy, sizes',
    ]
    for comparison in (inference, training):
        assert comparison.ratios(comparison.variants[0]) == [1, 1]
        for variant in comparison.variants:
            assert len(variant.timing.seconds) == 2
            assert min(comparison.shares(variant)) > 0
    assert max(v.error for v in inference.variants if not v.bf16) < 1e-4
    kept = {variant.name: variant.saved for variant in training.variants}
    assert kept['mmpose'] == kept['hrnet_mm']
    assert kept['auto'] > kept["auto, with_cp='norms'"]
    assert training.macs == 3 * inference.macs
    assert any(name.endswith('deploy, sizes') for name in said)


def test_functions_are_timed_once_per_round_in_random_order():
    called = []
    cases = {name: lambda name=name: called.append(name) for name in 'abcd'}
    timings = time_interleaved(cases, 5, lambda what: None)
    assert all(len(timing.seconds) == 5 for timing in timings.values())
    rounds = [''.join(called[i : i + 8]) for i in range(0, 40, 8)]
    assert all(sorted(order) == list('aabbccdd') for order in rounds)
    assert all(order[::2] == order[1::2] for order in rounds)  # once to settle
    assert len(set(rounds)) > 1


def test_saved_bytes_count_shared_memory_once_and_no_weights():
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.ReLU(inplace=True))
    x = torch.rand(4, 8)
    # the input of the product; the result, rectified in place
    assert saved_for_backward(model, lambda: model(x)) == 2 * 4 * 8 * 4


def test_counting_saved_bytes_frees_the_graph():
    model, made = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()), []

    def forward():
        y = model(torch.rand(4, 8))  # which the sigmoid keeps
        made.append(weakref.ref(y))
        return y

    assert saved_for_backward(model, forward) > 0
    gc.collect()
    assert made[0]() is None


def test_the_report_has_ratios_and_shares(tmp_path):
    variants = [
        Variant(
            'theirs', None, saved=2**21, error=1e-6, timing=Timing([2, 2, 2], [9] * 3)
        ),
        Variant(
            'ours', None, saved=2**20, error=2e-6, timing=Timing([1, 2, 0.5], [0] * 3)
        ),
    ]
    peaks = {False: Timing([0.5, 0.5, 0.5])}
    comparison = Comparison('a title', dense_macs('cpu'), 'cpu', variants, peaks)
    paths = write_ratios([comparison], dict(allocator='glibc malloc'), tmp_path / 'new')
    text = paths[0].read_text()
    assert 'allocator glibc malloc' in text
    assert (
        '| ours | 2.00 (1.00 to 4.00) | 50% | 2e-06 | 1 MiB (-50%) | 0 |'
        in text.splitlines()
    )
    (found,) = json.loads(paths[1].read_text())['comparisons']
    assert found['variants'][1]['ratios'] == [2, 1, 4]
    assert min(Image.open(paths[2]).size) > 100


@pytest.mark.jobs
def test_the_command_writes_a_table(tmp_path):
    pytest.importorskip('mmseg')
    command = ['against', 'mmseg', '--quick', '--arch', SMALL]
    done = CliRunner().invoke(
        main, [*command, '--rounds', '1', '--output', str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert '### mmseg, trunk, bilinear exchange' in done.output
    assert (tmp_path / 'against.json').is_file()


@pytest.mark.parametrize(
    ('arguments', 'what'),
    [
        (
            ['against', 'detectron'],
            "no baseline for 'detectron'; choose from mmpose",
        ),
        (['against', 'mmpose', '--arch', 'w99'], "unknown arch 'w99'"),
        (['scaling', '--arch', 'w99'], "unknown arch 'w99'"),
        (['paper', '--task', 'poses'], "unknown task 'poses'; choose from"),
    ],
)
def test_invalid_arguments_are_reported(arguments, what):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert what in done.output


def test_a_missing_library_is_reported(monkeypatch):
    baseline = replace(BASELINES['timm'], library='not_installed')
    monkeypatch.setitem(BASELINES, 'not_installed', baseline)
    done = CliRunner().invoke(main, ['against', 'not_installed'])
    assert 'not_installed is not installed: pip install not_installed' in done.output
