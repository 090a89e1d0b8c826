"""`hrnet-mm check` compares panoptic label maps with their annotations."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

pytest.importorskip('mmdet')

from hrnet_mm.data_check import check, splits_of_config

LEAF = 'configs/det/panoptic-deeplab_w18_small_v1_tiny-panoptic.py'


def keep(path: Path) -> None:
    """Leave a label map as it is."""


def add_a_segment(path: Path) -> None:
    colours = np.array(Image.open(path).convert('RGB'))
    colours[0, 0] = 1, 2, 0
    Image.fromarray(colours).save(path)


def empty(path: Path) -> None:
    Image.new('RGB', Image.open(path).size).save(path)


def shrink(path: Path) -> None:
    Image.open(path).resize((50, 50), Image.Resampling.NEAREST).save(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


ONE = '1 label map of 20 in train'
FAULTS = {
    keep: (),
    add_a_segment: ('stops', f'{ONE} has pixels of ids that', '000003.png: 513'),
    empty: ('wrong', f'{ONE} has no pixel of segments that', '000003.png: 1, 100'),
    shrink: ('stops', '1 image of 20 in train has another size', '000003.jpg: 192 x'),
    cut: ('stops', f'{ONE} cannot be read', '000003.png'),
    Path.unlink: ('stops', f'{ONE} does not exist', '000003.png'),
}


@pytest.mark.parametrize('spoil', FAULTS, ids=lambda it: it.__name__)
def test_faults_of_label_maps_are_found(spoil, few_people, root, tmp_path, monkeypatch):
    people = Path(shutil.copytree(few_people, tmp_path / 'people'))
    spoil(people / 'panoptic/train/000003.png')
    monkeypatch.setenv('TINY_PEOPLE', str(people))
    findings = check(**splits_of_config(Config.fromfile(root / LEAF))).findings
    assert len(findings) == bool(FAULTS[spoil])
    for found in findings:
        effect, message, place = FAULTS[spoil]
        assert found.effect == effect
        assert message in found.message
        assert found.places[0].startswith(place)
