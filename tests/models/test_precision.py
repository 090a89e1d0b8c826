"""The precision and the memory format of a trunk, and what follows it."""

from __future__ import annotations

import io
from copy import deepcopy
from functools import partial

import pytest
import torch
from mmengine.logging import MMLogger
from torch import Tensor, distributed, fx, nn
from torch.nn.parallel import DistributedDataParallel

from hrnet_mm import HRNet, HRNetC, HRNetV2p
from hrnet_mm.engine.optimizers import Adam, match_memory_formats

LAST = dict(memory_format=torch.channels_last)
IMAGES = (2, 3, 64, 64)


@pytest.fixture
def trunk_on(monkeypatch):
    """Build a trunk on a device that multiplies bfloat16, prefers a format, or not."""

    def build(
        precision: str = 'auto',
        multiplies: bool = True,
        faster: bool = True,
        **kwargs: object,
    ) -> HRNet:
        module = 'hrnet_mm.models.precision'
        monkeypatch.setattr(f'{module}.has_bfloat16_arithmetic', lambda _: multiplies)
        monkeypatch.setattr(
            f'{module}.trains_faster_in_channels_last', lambda _: faster
        )
        return HRNet('w18_small_v1', precision=precision, **kwargs)

    return build


def inner_types(trunk: nn.Module) -> set[torch.dtype]:
    """The dtypes of what convolutions compute, from now on."""
    seen = set()
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, args, y: seen.add(y.dtype))
    return seen


def multiplied_in() -> torch.dtype:
    """The type that autocast, if any is left, chooses for products."""
    return torch.mm(torch.ones(1, 1), torch.ones(1, 1)).dtype


def total(streams: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([stream.square().mean() for stream in streams]).sum()


def test_a_trunk_trains_in_bfloat16_and_returns_float32(trunk_on):
    trunk = trunk_on()
    seen = inner_types(trunk)
    streams = trunk(torch.rand(IMAGES))
    assert seen == {torch.bfloat16}
    assert {stream.dtype for stream in streams} == {torch.float32}
    assert all(stream.is_contiguous() for stream in streams)
    total(streams).backward()
    assert {p.grad.dtype for p in trunk.parameters()} == {torch.float32}
    assert multiplied_in() == torch.float32


def test_the_loss_is_that_of_float32_but_for_rounding(trunk_on, randomised):
    x = torch.rand(IMAGES)
    losses = [
        total(randomised(trunk_on(precision))(x)).item()
        for precision in ('float32', 'bfloat16')
    ]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_inference_is_in_float32(trunk_on):
    trunk = trunk_on().eval()
    seen = inner_types(trunk)
    trunk(torch.rand(IMAGES))
    assert seen == {torch.float32}


@pytest.mark.parametrize(
    ('precision', 'multiplies', 'dtype'),
    [
        ('auto', True, 'bfloat16'),
        ('auto', False, 'float32'),
        ('bfloat16', False, 'bfloat16'),
    ],
)
def test_a_job_says_what_it_trains_in(trunk_on, said, precision, multiplies, dtype):
    MMLogger.get_current_instance()
    trunk = trunk_on(precision, multiplies)
    seen = inner_types(trunk)
    trunk.init_weights()
    trunk(torch.rand(IMAGES))
    assert seen == {getattr(torch, dtype)}
    assert f'HRNet on cpu: trains in {dtype}, channels_last' in said.text


def test_float32_is_the_default_and_changes_nothing(trunk_on, randomised):
    trunk, default = trunk_on('float32'), HRNet('w18_small_v1')
    x = torch.rand(IMAGES)
    for stream, wanted in zip(
        randomised(trunk)(x), randomised(default).streams(x), strict=True
    ):
        assert torch.equal(stream, wanted)
    assert trunk.conv1.weight.is_contiguous()


@pytest.mark.parametrize('make', [partial(HRNetV2p, out_channels=8), HRNetC])
def test_a_neck_trains_in_bfloat16_too(make, trunk_on):
    trunk = trunk_on()
    neck = make(list(trunk.out_channels), precision='auto')
    seen = inner_types(neck)
    outputs = neck(trunk(torch.rand(IMAGES)))
    assert seen == {torch.bfloat16}
    assert {y.dtype for y in outputs} == {torch.float32}
    assert all(y.is_contiguous() for y in outputs)
    total(outputs).backward()
    neck.eval()(trunk.eval()(torch.rand(IMAGES)))
    assert seen == {torch.bfloat16, torch.float32}


def test_an_error_inside_leaves_no_autocast_behind(trunk_on):
    trunk = trunk_on()
    for wrong in (torch.rand(2, 4, 64, 64), torch.rand(IMAGES).double()):
        with pytest.raises((ValueError, RuntimeError)):
            trunk(wrong)
        assert multiplied_in() == torch.float32


def saved_and_read(trunk: HRNet) -> HRNet:
    buffer = io.BytesIO()
    torch.save(trunk, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize('copied', [deepcopy, saved_and_read])
def test_a_copy_trains_alike(trunk_on, copied):
    """Mmengine keeps such a copy as the average of weights."""
    copy = copied(trunk_on(cuda_graph=True))
    assert copy.graph.trunk is copy
    assert copy.conv1.weight.is_contiguous(**LAST)
    seen = inner_types(copy)
    copy(torch.rand(IMAGES))
    assert seen == {torch.bfloat16}


@pytest.mark.parametrize('precision', ['auto', 'float32'])
def test_torch_fx_traces_it(trunk_on, precision):
    trunk, x = trunk_on(precision).eval(), torch.rand(IMAGES)
    for stream, wanted in zip(fx.symbolic_trace(trunk)(x), trunk(x), strict=True):
        torch.testing.assert_close(stream, wanted)


def test_torch_compile_captures_the_change_of_precision(trunk_on):
    """In one graph, without a break."""
    trunk = trunk_on()
    trunk.register_forward_pre_hook(lambda *_: None)
    compiled = torch.compile(trunk, backend='eager', fullgraph=True)
    streams = compiled(torch.rand(IMAGES))
    assert {stream.dtype for stream in streams} == {torch.float32}
    total(streams).backward()


def test_ddp_sees_the_memory_format(trunk_on):
    """It notes it when it is built, and writes gradients in it."""
    store = distributed.HashStore()
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    try:
        trunk = trunk_on(multiplies=False)
        plain = deepcopy(trunk)
        x = torch.rand(IMAGES)
        total(DistributedDataParallel(trunk)(x)).backward()
    finally:
        distributed.destroy_process_group()
    total(plain(x)).backward()
    for ours, wanted in zip(trunk.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, wanted.grad)


class TestMemoryFormat:
    """channels_last inside of a trunk, where training is faster in it."""

    def test_heads_get_the_default_format_and_the_same_values(
        self, trunk_on, randomised
    ):
        trunk = randomised(trunk_on(multiplies=False)).eval()
        assert trunk.layer1[0].conv2.weight.is_contiguous(**LAST)
        x = torch.rand(IMAGES)
        streams = trunk(x)
        assert all(stream.is_contiguous() for stream in streams)
        plain = randomised(HRNet('w18_small_v1')).eval()
        torch.testing.assert_close(streams, plain(x), rtol=1e-4, atol=1e-5)

    def test_it_is_not_used_where_training_is_slower_in_it(self, trunk_on):
        assert trunk_on(faster=False).conv1.weight.is_contiguous()

    def test_other_convolutions_keep_the_default_format(self, trunk_on):
        trunk = trunk_on(conv_cfg=dict(type='ConvWS'))
        assert trunk.conv1.weight.is_contiguous()
        assert not trunk.channels_last


@pytest.mark.parametrize('there', [False, True])
def test_a_job_of_another_processor_goes_on(there):
    """Its momenta have another format, which fused optimizers do not see."""
    x = torch.rand(1, 8, 6, 6)

    def start(last: bool, old: dict | None = None) -> tuple[nn.Module, Adam]:
        torch.manual_seed(0)
        model = nn.Conv2d(8, 8, 3)
        if last:
            model.to(**LAST)
        adam = Adam(model.parameters(), lr=0.1)
        if old:
            model.load_state_dict(old['model'])
            adam.load_state_dict(old['adam'])
            match_memory_formats(adam)
        return model, adam

    def steps(model: nn.Module, adam: Adam) -> None:
        for _ in range(3):
            adam.zero_grad()
            model(x).square().mean().backward()
            adam.step()

    here = start(not there)
    steps(*here)
    file = dict(model=here[0].state_dict(), adam=here[1].state_dict())
    moved = start(there, deepcopy(file))
    steps(*here)
    steps(*moved)
    assert torch.allclose(here[0].weight, moved[0].weight, atol=1e-6)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match='is not one of auto, float32, bfloat16'):
        HRNet('w18_small_v1', precision='float16')
