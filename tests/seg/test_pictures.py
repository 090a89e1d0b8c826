"""What `hrnet-mm show` puts side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.registry import DATASETS

from hrnet_mm.seg.pictures import look

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/tiny'


@pytest.mark.parametrize('name', ['hrnetv2', 'hrnetv2-ocr'])
def test_the_regions_of_ocr_are_seen(name, few_people, monkeypatch):
    monkeypatch.setenv('TINY_PEOPLE', str(few_people))
    cfg = Config.fromfile(str(CONFIGS / f'{name}_w18_small_v1_tiny-seg.py'))
    init_default_scope('mmseg')
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    image, truth, found, regions = look(init_model(cfg, device='cpu'), sample)
    assert image.shape == (160, 192, 3)
    assert truth.shape == found.shape == (160, 192)
    if name == 'hrnetv2':
        assert regions is None
    else:
        assert regions.shape == (5, 40, 48)
        np.testing.assert_allclose(regions.sum((1, 2)), 1, rtol=1e-4)
