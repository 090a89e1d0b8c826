"""The picture of a prediction is that of its image, with several views of it, too."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from mmpretrain.visualization import UniversalVisualizer

from hrnet_mm.cls import ClsVisualizationHook

IMAGES = torch.arange(2.0).reshape(2, 1, 1, 1).expand(2, 3, 64, 64)  # 0 and 1
SAMPLES = [DataSample(metainfo=dict(img_path=f'{i}.png')) for i in range(2)]


@pytest.mark.parametrize(
    'inputs',
    [IMAGES, [*IMAGES], [IMAGES + 5, IMAGES], [[*(IMAGES + 5)], [*IMAGES]]],
    ids=['stacked', 'list', 'views', 'lists of views'],
)
def test_the_image_of_a_prediction(inputs, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        UniversalVisualizer,
        'visualize_cls',
        lambda self, image, name, **_: drawn.update({name: (image.shape, image.max())}),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        UniversalVisualizer.get_instance('test_visualization')
        hook = ClsVisualizationHook(enable=True, interval=1)
    hook.after_test_iter(None, 0, dict(inputs=inputs), SAMPLES)
    assert drawn == {'0.png': ((64, 64, 3), 0), '1.png': ((64, 64, 3), 1)}
