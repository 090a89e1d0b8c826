"""Time of grouping, compared with mmpose."""

from __future__ import annotations

import re

import pytest

pytest.importorskip('mmpose')

from benchmarks.grouping import synthesize
from hrnet_mm.pose import AssociativeEmbedding


@pytest.mark.jobs
def test_both_codecs_are_timed(run_python):
    done = run_python(
        '-m', 'benchmarks.grouping', '--people', '3', '--size', '64', '48',
        '--rounds', '2',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    ratios = re.findall(r'\| (\d+\.\d\d) \(\d', done.stdout)
    assert len(ratios) == 3


def test_synthetic_instances_are_found():
    codec = AssociativeEmbedding((768, 512), [(768, 512)])
    joints, heat, _ = codec.batch_decode(*synthesize(5, (768, 512), 0))
    assert joints[0].shape == (5, 17, 2)
    assert heat[0].min() > 0.99
