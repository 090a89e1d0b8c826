"""Trunks that train as CUDA graphs learn what others learn."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from graphs_on_cpu import Device, pretend_graphs
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from hrnet_mm.models import HRNet, training_graph
from hrnet_mm.models.training_graph import STEADY, TrainingGraph

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')

SQUARE = (2, 3, 64, 64)
WIDE = (2, 3, 32, 96)
TALL = (2, 3, 96, 32)


@pytest.fixture
def trunk(randomised, monkeypatch) -> HRNet:
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    return randomised(HRNet('w18_small_v1', cuda_graph=True)).train()


@pytest.fixture
def device(monkeypatch) -> Device:
    """The CPU, which pretends to have graphs."""
    return pretend_graphs(monkeypatch)


def batch(step: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(step))


def train(trunk: HRNet, shapes: list[tuple[int, ...]]) -> Iterator[float]:
    """The losses of some steps."""
    optimizer = torch.optim.SGD(trunk.parameters(), lr=1e-4, momentum=0.9)
    for step, shape in enumerate(shapes):
        yield gradients(trunk, batch(step, *shape))[0]
        optimizer.step()


def graph(trunk: HRNet) -> TrainingGraph:
    assert trunk.graph is not None
    return trunk.graph


def gradients(trunk: HRNet, x: Tensor) -> tuple[float, Tensor]:
    """The loss and all gradients of a step that changes nothing but statistics."""
    trunk.train().zero_grad()
    loss = loss_of(trunk(x.to(trunk.conv1.weight.device)))
    loss.backward()
    return loss.item(), gradient_of(trunk)


def loss_of(streams: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([y.square().mean() for y in streams]).sum()


def gradient_of(trunk: HRNet) -> Tensor:
    found = [p.grad.flatten() for p in trunk.parameters() if p.grad is not None]
    return torch.cat(found)


def without_graph(trunk: HRNet) -> HRNet:
    plain = copy.deepcopy(trunk)
    plain.graph = None
    return plain


def check_step(trunk: HRNet, x: Tensor, tolerance: float = 1e-6) -> None:
    """A step is that of a trunk without graphs, with the same weights."""
    plain = without_graph(trunk)
    (loss, got), (wanted_loss, wanted) = gradients(trunk, x), gradients(plain, x)
    assert loss == pytest.approx(wanted_loss, rel=tolerance)
    assert (got - wanted).norm() <= tolerance * wanted.norm()
    for name, buffer in trunk.named_buffers():
        other = plain.get_buffer(name).double()
        assert (buffer - other).norm() <= tolerance * other.norm(), name


def capture(trunk: HRNet, *shapes: tuple[int, ...]) -> None:
    """Take the steps after which these sizes are captured and replayed once."""
    for shape in shapes or [SQUARE]:
        for step in range(STEADY):
            gradients(trunk, batch(step, *shape))
    trunk.zero_grad()


def test_without_a_gpu_nothing_changes(trunk):
    other = copy.deepcopy(trunk).set_precision('float32')
    x = torch.randn(2, 3, 64, 64)
    for mine, plain in zip(trunk(x), other(x), strict=True):
        assert torch.equal(mine, plain)
    assert list(trunk.state_dict()) == list(other.state_dict())


def saved(trunk: HRNet) -> HRNet:
    file = io.BytesIO()
    torch.save(trunk, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    'copied', [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), saved]
)
def test_a_copy_computes_with_its_own_weights(trunk, device, copied):
    capture(trunk)
    other = copied(trunk)
    assert graph(other).trunk is other
    with torch.no_grad():
        other.conv1.weight.mul_(2)
    check_step(other, batch(9, *SQUARE))
    assert device.replays == 1  # the graph of the original
    check_step(trunk, batch(9, *SQUARE))
    assert device.replays == 2


def test_each_size_is_captured_once_it_was_seen_several_times(trunk, device):
    rare = (1, 3, 64, 64)
    for step in range(STEADY):
        for shape in [SQUARE, WIDE] + [rare] * (step < STEADY - 1):
            check_step(trunk, batch(step, *shape))  # also the step of the capture
    assert (device.sizes, device.replays) == (2, 2)
    for shape in [WIDE, SQUARE, TALL, WIDE, SQUARE, SQUARE]:
        check_step(trunk, batch(7, *shape))
    assert (device.sizes, device.replays) == (2, 7)


def test_training_on_several_sizes_takes_the_usual_steps(trunk, device):
    plain = without_graph(trunk)
    shapes = [SQUARE, WIDE, SQUARE, TALL, WIDE, SQUARE, WIDE, SQUARE, WIDE, TALL]
    assert [*train(trunk, shapes)] == [*train(plain, shapes)]
    assert (device.sizes, device.replays) == (2, 4)
    for (name, got), wanted in zip(
        trunk.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        assert torch.equal(got, wanted), name


def test_all_sizes_share_their_memory(trunk, device):
    capture(trunk, SQUARE, WIDE)
    assert [len(pool) for pool in device.pools] == [4]  # two graphs for each size


def test_sizes_after_the_last_that_is_captured_have_no_graph(
    trunk, device, monkeypatch, said
):
    monkeypatch.setattr(training_graph, 'MAX_SIZES', 1)
    capture(trunk, SQUARE, WIDE, TALL)
    check_step(trunk, batch(0, *WIDE))
    check_step(trunk, batch(0, *SQUARE))
    assert (device.sizes, device.replays) == (1, 2)
    assert said.text.count('without a CUDA graph') == 1
    assert 'model.data_preprocessor.pad_size_divisor' in said.text


def test_a_further_size_is_captured_if_there_is_memory_for_it(trunk, device, said):
    device.free = 0
    capture(trunk, SQUARE)
    assert device.sizes == 1  # nothing else needs memory
    capture(trunk, WIDE, TALL)
    assert device.sizes == 1
    assert said.text.count('without a CUDA graph') == 1
    assert 'too little memory' in said.text
    check_step(trunk, batch(0, *SQUARE))
    assert device.replays == 2


def test_without_memory_at_the_capture_training_goes_on(trunk, device, said):
    capture(trunk, SQUARE)
    device.error = torch.cuda.OutOfMemoryError('no memory')
    for step in range(STEADY + 1):
        check_step(trunk, batch(step, *WIDE))
    assert said.text.count('without a CUDA graph: no memory') == 1
    check_step(trunk, batch(0, *SQUARE))
    assert (device.sizes, device.replays) == (1, 2)


@pytest.mark.parametrize('second', [SQUARE, WIDE])
def test_outputs_in_use_are_not_overwritten(trunk, device, second):
    """Two views of an image go through the trunk before the backward."""
    capture(trunk, SQUARE, WIDE)
    plain = without_graph(trunk)
    for it in (trunk, plain):
        views = [it(batch(0, *SQUARE)), it(batch(1, *second))]
        loss_of(views[0] + views[1]).backward()
    assert torch.equal(gradient_of(trunk), gradient_of(plain))
    assert device.replays == 3
    trunk.zero_grad()
    trunk(batch(0, *WIDE))
    assert device.replays == 4


def test_outputs_that_nobody_needs_are_not_in_use(trunk, device):
    capture(trunk)
    for _ in range(3):
        trunk(batch(0, *SQUARE))
    assert device.replays == 4
    kept = trunk(batch(0, *SQUARE))
    check_step(trunk, batch(1, *SQUARE))
    assert device.replays == 5
    del kept
    check_step(trunk, batch(1, *SQUARE))
    assert device.replays == 6


def test_gradients_that_accumulate_are_not_overwritten(trunk, device):
    """A replay writes its gradients where those of the last one may be."""
    capture(trunk, SQUARE, WIDE)
    plain = without_graph(trunk)
    for it in (trunk, plain):
        for step, shape in enumerate([SQUARE, WIDE, SQUARE]):  # no zero_grad
            loss_of(it(batch(step, *shape))).backward()
    assert torch.equal(gradient_of(trunk), gradient_of(plain))
    assert device.replays == 3  # the first alone
    trunk.zero_grad()
    trunk(batch(0, *SQUARE))
    assert device.replays == 4


def test_weights_that_are_loaded_are_those_of_the_graph(trunk, device, randomised):
    capture(trunk)
    other = randomised(HRNet('w18_small_v1'))
    trunk.load_state_dict(other.state_dict())
    check_step(trunk, batch(0, *SQUARE))
    assert device.replays == 2


def test_weights_that_move_are_captured_anew(trunk, device):
    """`assign=True` puts other tensors in the place of those of the graph."""
    capture(trunk)
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.data = 2 * parameter.data
    for step in range(STEADY - 1):
        check_step(trunk, batch(step, *SQUARE))
    assert device.replays == 1
    check_step(trunk, batch(9, *SQUARE))
    assert device.replays == 2
    assert len(device.pools) == 2  # the memory of the first graphs is free


def test_a_layer_that_is_frozen_stops_learning(trunk, device):
    capture(trunk)
    trunk.conv1.weight.requires_grad_(False)
    trunk.conv1.weight.grad = None
    for step in range(STEADY + 1):
        check_step(trunk, batch(step, *SQUARE))
        assert trunk.conv1.weight.grad is None
    assert device.replays == 3


def test_norms_that_are_frozen_keep_their_statistics(trunk, device):
    capture(trunk)
    trunk.norm_eval = True
    trunk.train()
    norm = next(m for m in trunk.modules() if isinstance(m, _BatchNorm))
    before = norm.running_mean.clone()
    for step in range(STEADY + 1):
        check_step(trunk, batch(step, *SQUARE))
    assert torch.equal(norm.running_mean, before)


@pytest.mark.parametrize(
    ('options', 'reason'),
    [
        (dict(norm_cfg=dict(type='SyncBN')), 'the trunk has synchronized norms'),
        (dict(frozen_stages=4), 'the whole trunk is frozen'),
    ],
)
def test_some_trunks_are_not_captured(device, said, options, reason):
    trunk = HRNet('w18_small_v1', cuda_graph=True, **options)
    for step in range(STEADY + 1):
        trunk(batch(step, *SQUARE))
    assert device.sizes == 0
    assert said.text.count(reason) == 1


def test_images_that_need_a_gradient_get_it(trunk, device):
    capture(trunk)
    x = batch(0, *SQUARE).requires_grad_()
    loss_of(trunk(x)).backward()
    assert x.grad is not None
    assert x.grad.any()


@pytest.fixture
def one_rank(tmp_path) -> Iterator[None]:
    store = dist.FileStore(str(tmp_path / 'store'), 1)
    dist.init_process_group('gloo', store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_ddp_reduces_the_gradients_of_replays(trunk, device, one_rank):
    plain = without_graph(trunk)
    parallel = DistributedDataParallel(trunk)
    for step, shape in enumerate([SQUARE, WIDE] * (STEADY + 1)):
        parallel.zero_grad()
        loss_of(parallel(batch(step, *shape))).backward()
        gradients(plain, batch(step, *shape))
        assert torch.equal(gradient_of(trunk), gradient_of(plain))
    assert (device.sizes, device.replays) == (2, 4)


def test_inference_and_evaluation_have_no_graph(trunk, device):
    capture(trunk)
    with torch.no_grad():
        trunk(batch(0, *SQUARE))
    trunk.eval()(batch(0, *SQUARE))
    assert device.replays == 1
    trunk.train()
    check_step(trunk, batch(0, *SQUARE))
    assert device.replays == 2


@needs_gpu
@pytest.mark.parametrize('recompute', [False, 'norms', True])
@pytest.mark.parametrize('bf16', [False, True])
def test_steps_on_a_gpu_are_those_without_graphs(trunk, bf16, recompute):
    for module in trunk.modules():
        if hasattr(module, 'with_cp'):
            module.with_cp = recompute
    if bf16:
        trunk.set_precision('bfloat16', cuda_graph=True)
    trunk = trunk.cuda()
    rare = (1, 3, 64, 64)
    for _ in train(trunk, [SQUARE, WIDE] * (STEADY + 1)):
        pass
    assert graph(trunk).sizes == 2
    for shape in (SQUARE, WIDE, rare, SQUARE, SQUARE, WIDE, rare, WIDE):
        check_step(trunk, batch(9, *shape), 0.1 if bf16 else 1e-3)


@needs_gpu
def test_autocast_around_the_model_is_captured(trunk):
    trunk = trunk.cuda()
    with torch.autocast('cuda', torch.float16):
        for _ in train(trunk, [SQUARE] * (STEADY + 1)):
            pass
    assert graph(trunk).sizes == 1


@needs_gpu
def test_a_size_more_takes_less_memory_than_the_first(trunk):
    """Activations are in the same place; outputs and gradients are not."""
    trunk = trunk.cuda()
    memory = []
    for shape in [(8, 3, 256, 256), (8, 3, 256, 224), (8, 3, 224, 256)]:
        for step in range(STEADY):
            gradients(trunk, batch(step, *shape))
        trunk.zero_grad()
        torch.cuda.empty_cache()
        memory.append(torch.cuda.memory_reserved())
    first, second, third = (b - a for a, b in zip([0, *memory], memory, strict=False))
    assert max(second, third) < first / 2


def test_a_second_backward_pass_is_refused(trunk, device):
    """It would read what the first has overwritten."""
    capture(trunk, SQUARE)
    trunk.zero_grad()
    loss = loss_of(trunk(batch(0, *SQUARE)))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r'one backward pass.*cuda_graph=False'):
        loss.backward()
