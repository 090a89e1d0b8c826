"""Invalid test settings and class weights are reported before training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

pytest.importorskip('mmseg')

from hrnet_mm.seg import CheckWindowHook, CrossEntropyLoss, HRNetV2Head


@pytest.mark.parametrize('stage', ['before_train', 'before_test'])
@pytest.mark.parametrize(
    ('test_cfg', 'words'),
    [
        (None, 'mode is None'),
        (dict(mode='sliding'), "mode is 'sliding'"),
        (dict(mode='slide'), 'crop_size=.*it is None'),
        (dict(mode='slide', crop_size=[64, 64]), 'stride=.*it is None'),
        (dict(mode='slide', crop_size=64, stride=(8, 8)), 'crop_size=.*it is 64'),
        (
            dict(mode='slide', crop_size=(64, 32), stride=(64, 64)),
            'between the windows',
        ),
    ],
    ids=str,
)
def test_a_window_has_a_size_and_a_step(stage, test_cfg, words):
    model = nn.Module()
    model.test_cfg = test_cfg
    with pytest.raises(ValueError, match=words):
        getattr(CheckWindowHook(), stage)(SimpleNamespace(model=model))


@pytest.mark.parametrize(
    'test_cfg',
    [dict(mode='whole'), dict(mode='slide', crop_size=(64, 64), stride=[64, 48])],
)
def test_a_whole_window_passes(test_cfg):
    model = nn.Module()
    model.test_cfg = test_cfg
    CheckWindowHook().before_train(SimpleNamespace(model=model))


def head(loss, **kwargs) -> HRNetV2Head:
    kwargs = dict(num_classes=2, loss_decode=loss, **kwargs)
    return HRNetV2Head(in_channels=8, **kwargs)


@pytest.mark.parametrize(
    'name', ['CrossEntropyLoss', 'OhemCrossEntropyLoss', 'mmseg.CrossEntropyLoss']
)
@pytest.mark.parametrize('several', [False, True])
def test_there_is_one_weight_for_each_class(name, several):
    def build(*weights: float) -> HRNetV2Head:
        kind = name if '.' in name else f'hrnet_mm.{name}'
        loss = dict(type=kind, class_weight=weights)
        other = dict(type='hrnet_mm.CrossEntropyLoss', loss_name='loss_other')
        return head([other, loss] if several else loss)

    build(1.0, 2.0)
    with pytest.raises(ValueError, match=r'num_classes=2, but .*class_weight.* has 3'):
        build(1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    'binary', [dict(), dict(out_channels=1, threshold=0.5)], ids=str
)
def test_weights_of_a_sigmoid_are_sent_to_our_loss(binary):
    loss = dict(
        type='mmseg.CrossEntropyLoss', use_sigmoid=True, class_weight=[1.0, 2.0]
    )
    with pytest.raises(ValueError, match=r"type='hrnet_mm.CrossEntropyLoss'"):
        head(loss, **binary)
    loss = dict(type='hrnet_mm.CrossEntropyLoss', class_weight=[1.0, 2.0])
    assert isinstance(head(loss, **binary).loss_decode, CrossEntropyLoss)
