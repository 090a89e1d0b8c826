"""The visualization hook draws few images during training."""

from types import SimpleNamespace

import pytest

pytest.importorskip('mmpose')

from mmpose.engine.hooks import PoseVisualizationHook

from hrnet_mm.pose import SparsePoseVisualizationHook


@pytest.fixture
def drawn(monkeypatch) -> list:
    """What reaches the stock hook."""
    calls: list = []

    def in_validation(self, runner, batch_idx, data_batch, outputs):
        if (runner.iter + batch_idx) % self.interval == 0:  # as the stock hook
            calls.append((batch_idx, list(outputs)))

    def in_testing(self, runner, batch_idx, data_batch, outputs):
        calls.append((batch_idx, list(outputs)))

    monkeypatch.setattr(PoseVisualizationHook, 'after_val_iter', in_validation)
    monkeypatch.setattr(PoseVisualizationHook, 'after_test_iter', in_testing)
    return calls


@pytest.fixture
def make_hook():
    def make(interval: int) -> SparsePoseVisualizationHook:
        hook = SparsePoseVisualizationHook.__new__(SparsePoseVisualizationHook)
        hook.interval, hook.enable = interval, True
        return hook

    return make


def test_validation_draws_one_batch_in_interval(drawn, make_hook):
    hook, runner = make_hook(10), SimpleNamespace(iter=1313)
    for batch in range(25):
        hook.after_val_iter(runner, batch, {}, ['a', 'b'])
    assert [batch for batch, _ in drawn] == [0, 10, 20]


@pytest.mark.parametrize(('interval', 'expected'), [(10, 3), (1, 50)])
def test_testing_draws_all_only_if_asked(drawn, make_hook, interval, expected):
    hook = make_hook(interval)
    for batch in range(25):
        hook.after_test_iter(SimpleNamespace(iter=0), batch, {}, ['a', 'b'])
    assert sum(len(outputs) for _, outputs in drawn) == expected
