"""How many sizes the batches of a detector have."""

from __future__ import annotations

import json

import pytest

pytest.importorskip('mmdet')

from benchmarks.batch_sizes import Padded, batches, draw_sizes, pad, read_sizes, report
from hrnet_mm.models.training_graph import STEADY


def test_a_batch_is_padded_to_its_largest_image_and_the_divisor():
    assert pad([(800, 1067), (700, 1199)], 32) == (800, 1216)
    assert pad([(800, 1067), (700, 1199)], 128) == (896, 1280)


def test_images_are_resized_and_batched_by_their_aspect():
    given = batches([(480, 640)] * 4 + [(640, 427)] * 4, 2)
    landscape, portrait = [(800, 1067)] * 2, [(1199, 800)] * 2
    assert sorted(given) == [landscape] * 2 + [portrait] * 2


def test_a_size_is_replayed_from_the_step_that_captures_it():
    often, rare = [(800, 1088)], [(800, 1216)]
    given = [often] * 6 + [rare] * STEADY + [often]
    steps = len(given)
    assert Padded.of(given, 32).replayed(1) == (7 - (STEADY - 1)) / steps
    assert Padded.of(given, 32).replayed(2) == (8 - (STEADY - 1)) / steps


def test_larger_divisors_make_fewer_sizes_and_more_padding():
    text = report(batches(draw_sizes(400), 2))
    rows = [line.split(' | ') for line in text.splitlines()[2:]]
    sizes = [int(row[1]) for row in rows]
    padding = [float(row[5].rstrip('%')) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert padding == sorted(padding)


def test_sizes_are_those_of_annotated_images(tmp_path):
    images = [dict(id=1, height=480, width=640), dict(id=2, height=640, width=427)]
    path = tmp_path / 'instances.json'
    path.write_text(json.dumps(dict(images=images, annotations=[dict(image_id=2)])))
    assert read_sizes(path) == [(640, 427)]
    path.write_text('[]')
    with pytest.raises(ValueError, match='no annotation file of COCO'):
        read_sizes(path)
