"""A head without a place for a class of the data is refused before the first step."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

pytest.importorskip('mmseg')

from hrnet_mm.seg import CheckClassesHook


def head(num_classes: int) -> nn.Module:
    module = nn.Module()
    module.num_classes = num_classes
    return module


def model(*num_classes: int) -> nn.Module:
    """One head, or the list of them that OCR has."""
    heads = [head(n) for n in num_classes]
    module = nn.Module()
    module.decode_head = nn.ModuleList(heads) if len(heads) > 1 else heads[0]
    return module


def runner(model: nn.Module, *classes: str) -> SimpleNamespace:
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
    return SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
    )


@pytest.mark.parametrize('stage', ['before_train', 'before_val', 'before_test'])
@pytest.mark.parametrize('num_classes', [(2,), (3, 2)])
def test_data_of_more_classes_than_a_head_are_refused(stage, num_classes):
    check = getattr(CheckClassesHook(), stage)
    with pytest.raises(
        ValueError, match=r'num_classes=2, .* 3 classes .*set num_class'
    ):
        check(runner(model(*num_classes), 'road', 'house', 'sky'))
    check(runner(model(*num_classes), 'road', 'house'))


def test_the_model_is_found_inside_its_wrappers():
    wrapped = nn.Module()
    wrapped.module = model(2)
    with pytest.raises(ValueError, match='num_classes=2'):
        CheckClassesHook().before_test(runner(wrapped, 'road', 'house', 'sky'))
