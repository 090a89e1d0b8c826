"""ClsVisualizationHook draws each prediction on its image."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmpretrain')

from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from mmpretrain.visualization import UniversalVisualizer

from hrnet_mm.cls import ClsVisualizationHook

IMAGES = torch.arange(2, dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 3, 64, 64)
SAMPLES = [DataSample(metainfo=dict(img_path=f'{i}.png')) for i in range(2)]


@pytest.fixture
def drawn(monkeypatch) -> dict:
    """Shape and largest value of each image that is drawn, by its name."""
    drawn = {}
    monkeypatch.setattr(
        UniversalVisualizer,
        'visualize_cls',
        lambda self, image, name, **_: drawn.update({name: (image.shape, image.max())}),
    )
    return drawn


def draw(inputs: object) -> None:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        UniversalVisualizer.get_instance('test_visualization')
        hook = ClsVisualizationHook(enable=True, interval=1)
    hook.after_test_iter(None, 0, dict(inputs=inputs), SAMPLES)


@pytest.mark.parametrize(
    'inputs',
    [IMAGES, [*IMAGES], [IMAGES + 5, IMAGES], [[*(IMAGES + 5)], [*IMAGES]]],
    ids=['stacked', 'list', 'views', 'lists of views'],
)
def test_of_several_views_the_last_is_drawn(inputs, drawn):
    draw(inputs)
    assert drawn == {'0.png': ((64, 64, 3), 0), '1.png': ((64, 64, 3), 1)}


@pytest.mark.parametrize('channels', [1, 5])
def test_images_of_any_number_of_channels_are_drawn(channels, drawn):
    draw(IMAGES[:, :1, :6, :7].repeat(1, channels, 1, 1))
    assert drawn == {'0.png': ((6, 7, 3), 0), '1.png': ((6, 7, 3), 1)}
