"""Trunks that train as CUDA graphs learn what others learn."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from hrnet_mm.models import HRNet, training_graph
from hrnet_mm.models.training_graph import STEADY, TrainingGraph

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')


@pytest.fixture
def trunk(randomised, monkeypatch) -> HRNet:
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    return randomised(HRNet('w18_small_v1', cuda_graph=True))


def batch(step: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(step)).cuda()


def train(trunk: HRNet, shapes: list[tuple[int, ...]]) -> None:
    """Some steps."""
    optimizer = torch.optim.SGD(trunk.parameters(), lr=1e-4, momentum=0.9)
    for step, shape in enumerate(shapes):
        gradients(trunk, batch(step, *shape))
        optimizer.step()


def graph(trunk: HRNet) -> TrainingGraph:
    assert trunk.graph is not None
    return trunk.graph


def test_without_a_gpu_nothing_changes(trunk):
    other = copy.deepcopy(trunk).set_precision('float32')
    x = torch.randn(2, 3, 64, 64)
    for mine, plain in zip(trunk(x), other(x), strict=True):
        assert torch.equal(mine, plain)
    assert list(trunk.state_dict()) == list(other.state_dict())


@pytest.mark.parametrize(
    'copied', [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_a_copy_computes_with_its_own_weights(trunk, copied):
    other = copied(trunk)
    assert graph(other).trunk is other
    with torch.no_grad():
        other.conv1.weight.zero_()
        x = torch.randn(1, 3, 64, 64)
        assert not torch.equal(trunk.eval()(x)[0], other.eval()(x)[0])


def gradients(trunk: HRNet, x: Tensor) -> tuple[float, Tensor]:
    """The loss and all gradients of a step that changes nothing but statistics."""
    trunk.train().zero_grad()
    loss = torch.stack([y.square().mean() for y in trunk(x)]).sum()
    loss.backward()
    found = [p.grad.flatten() for p in trunk.parameters() if p.grad is not None]
    return loss.item(), torch.cat(found)


def check_step(trunk: HRNet, x: Tensor, tolerance: float) -> None:
    """A step is that of a trunk without graphs, with the same weights."""
    plain = copy.deepcopy(trunk)
    plain.graph = None
    (loss, got), (wanted_loss, wanted) = gradients(trunk, x), gradients(plain, x)
    assert loss == pytest.approx(wanted_loss, rel=tolerance)
    assert (got - wanted).norm() <= tolerance * wanted.norm()
    for name, buffer in trunk.named_buffers():
        other = plain.get_buffer(name).double()
        assert (buffer - other).norm() <= tolerance * other.norm(), name


@pytest.fixture
def replays(trunk, monkeypatch) -> list[int]:
    """The number of arguments of each replay; the CPU pretends to have graphs."""
    calls = []

    def capture(function, sample):
        assert [p.data_ptr() for p in sample[1:]] == [
            p.data_ptr() for p in trunk.parameters()
        ]
        function(*sample)[0].sum().backward()  # warms up
        assert all(p.grad is None for p in trunk.parameters())

        def replay(*args):
            calls.append(len(args))
            return function(*args)

        return replay

    monkeypatch.setattr(torch.cuda, 'make_graphed_callables', capture)
    monkeypatch.setattr(training_graph, '_can_capture', lambda x: True)
    return calls


def capture(trunk: HRNet) -> None:
    """Take the steps after which a graph is captured and replayed once."""
    for _ in range(STEADY):
        gradients(trunk, IMAGES)
    trunk.zero_grad()


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_graph_gets_the_parameters_and_gives_them_gradients(trunk, replays):
    trunk.train()
    for _ in range(STEADY - 1):
        trunk(IMAGES)
    check_step(trunk, IMAGES, 1e-6)
    check_step(trunk, IMAGES[:1].repeat(3, 1, 1, 1), 1e-6)  # another size
    check_step(trunk, 2 * IMAGES, 1e-6)
    assert replays == [1 + len(list(trunk.parameters()))] * 2


def test_gradients_that_accumulate_are_not_overwritten(trunk, replays):
    """A replay writes its gradients where those of the last one are."""
    capture(trunk)
    for _ in range(3):  # no zero_grad
        trunk(IMAGES)[0].sum().backward()
    assert len(replays) == 2  # the first alone
    trunk.zero_grad()
    trunk(IMAGES)
    assert len(replays) == 3


def test_outputs_in_use_are_not_overwritten(trunk, replays):
    """Two views of an image go through the trunk before the backward."""
    capture(trunk)
    first, second = trunk(IMAGES), trunk(IMAGES)
    assert len(replays) == 2
    (first[0].sum() + second[0].sum()).backward()
    trunk.zero_grad()
    trunk(IMAGES)
    assert len(replays) == 3


def test_weights_that_move_are_captured_no_more(trunk, replays):
    """`assign=True` puts other tensors in the place of those of the graph."""
    capture(trunk)
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.data = parameter.data.clone()
    trunk(IMAGES)
    assert len(replays) == 1


@needs_gpu
@pytest.mark.parametrize('recompute', [False, 'norms', True])
@pytest.mark.parametrize('bf16', [False, True])
def test_steps_are_those_without_graphs(trunk, bf16, recompute):
    for module in trunk.modules():
        if hasattr(module, 'with_cp'):
            module.with_cp = recompute
    if bf16:
        trunk.set_precision('bfloat16', cuda_graph=True)
    trunk = trunk.cuda()
    usual = (2, 3, 64, 64)
    train(trunk, [usual] * (STEADY + 2))
    assert graph(trunk)._replay is not None
    for shape in (usual, (1, 3, 64, 64), usual):
        check_step(trunk, batch(9, *shape), 0.1 if bf16 else 1e-3)


@needs_gpu
def test_autocast_around_the_model_is_captured(trunk):
    trunk = trunk.cuda()
    with torch.autocast('cuda', torch.float16):
        train(trunk, [(2, 3, 64, 64)] * 4)
    assert graph(trunk)._replay is not None


@needs_gpu
def test_sizes_that_vary_are_not_captured(trunk):
    trunk = trunk.cuda()
    train(trunk, [(2, 3, 64, 64), (2, 3, 96, 64)] * STEADY)
    assert graph(trunk)._replay is None


@needs_gpu
def test_a_layer_that_is_frozen_later_stops_learning(trunk):
    trunk = trunk.cuda()
    train(trunk, [(2, 3, 64, 64)] * 5)
    trunk.conv1.weight.requires_grad_(False)
    before = trunk.conv1.weight.clone()
    trunk.conv1.weight.grad = None
    train(trunk, [(2, 3, 64, 64)] * 2)
    assert torch.equal(trunk.conv1.weight, before)


@needs_gpu
def test_what_cannot_be_captured_trains_on(trunk, monkeypatch):
    def refuse(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError('no memory')

    monkeypatch.setattr(torch.cuda, 'make_graphed_callables', refuse)
    trunk = trunk.cuda()
    with pytest.warns(UserWarning, match='without a CUDA graph: no memory'):
        train(trunk, [(2, 3, 64, 64)] * 5)
