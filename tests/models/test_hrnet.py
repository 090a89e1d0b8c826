"""Behaviours of the trunk."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from hrnet_mm.models import ARCHS, HRNet

SMALL = 'w18_small_v1'
BILINEAR = dict(mode='bilinear', align_corners=False)


def image(*size: int, n: int = 2, channels: int = 3) -> torch.Tensor:
    return torch.rand(n, channels, *size)


def norms(model: nn.Module) -> list[_BatchNorm]:
    return [m for m in model.modules() if isinstance(m, _BatchNorm)]


def halved(size: int, times: int) -> int:
    for _ in range(times):
        size = (size + 1) // 2
    return size


@pytest.mark.parametrize('arch', [a for a in ARCHS if a != 'w18s'])
def test_streams_have_the_declared_widths_and_strides(arch):
    with torch.device('meta'):
        model = HRNet(arch)
        streams = model(torch.empty(1, 3, 64, 96))
    c = {SMALL: 16}.get(arch) or int(arch.split('_')[0][1:])
    assert model.out_channels == (c, 2 * c, 4 * c, 8 * c)
    expected = [(1, c * 2**b, 64 >> b + 2, 96 >> b + 2) for b in range(4)]
    assert [tuple(x.shape) for x in streams] == expected
    assert isinstance(streams, tuple)


@pytest.mark.parametrize('upsample_cfg', [dict(mode='nearest'), BILINEAR])
@pytest.mark.parametrize(
    'size', [(32, 32), (65, 65), (72, 104), (33, 47), (70, 90), (127, 64)]
)
def test_any_input_size_works(size, upsample_cfg):
    streams = HRNet(SMALL, upsample_cfg=upsample_cfg)(image(*size))
    for b, x in enumerate(streams):
        assert x.shape[-2:] == (halved(size[0], b + 2), halved(size[1], b + 2))
        assert x.isfinite().all()


def test_v1_is_stream_0_of_the_whole_network(randomised):
    whole = randomised(HRNet(SMALL)).eval()
    v1 = HRNet(SMALL, multiscale_output=False).eval()
    missing, unexpected = v1.load_state_dict(whole.state_dict(), strict=False)
    assert not missing
    assert {k.rsplit('fuse_layers.')[1][0] for k in unexpected} == {'1', '2', '3'}
    x = image(64, 64)
    assert v1.out_channels == (16,)
    assert len(v1(x)) == 1
    assert torch.equal(v1(x)[0], whole(x)[0])


@pytest.mark.parametrize('multiscale_output', [True, False])
def test_every_parameter_gets_a_gradient(multiscale_output):
    model = HRNet(SMALL, multiscale_output=multiscale_output)
    sum(x.mean() for x in model(image(64, 64))).backward()
    assert [k for k, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    'upsample_cfg', [BILINEAR, dict(mode='bilinear', align_corners=True)]
)
def test_upsample_cfg_changes_the_function_and_not_the_parameters(
    upsample_cfg, randomised
):
    nearest = randomised(HRNet(SMALL)).eval()
    other = HRNet(SMALL, upsample_cfg=upsample_cfg).eval()
    other.load_state_dict(nearest.state_dict())
    x = image(64, 64)
    assert not torch.allclose(nearest(x)[0], other(x)[0], rtol=0.01)


@pytest.mark.parametrize(
    ('norm_cfg', 'kind', 'name'),
    [
        (dict(type='BN'), nn.BatchNorm2d, 'bn1'),
        (dict(type='SyncBN'), nn.SyncBatchNorm, 'bn1'),
        (dict(type='GN', num_groups=4), nn.GroupNorm, 'gn1'),
    ],
)
def test_norm_cfg_reaches_every_layer(norm_cfg, kind, name):
    model = HRNet(SMALL, norm_cfg=norm_cfg)
    bn = len(norms(HRNet(SMALL)))
    found = [m for m in model.modules() if isinstance(m, kind)]
    assert len(found) == bn
    assert hasattr(model, name)
    assert hasattr(model.layer1[0], name)
    if norm_cfg['type'] == 'GN':
        assert norms(model) == []
        model(image(64, 64))


def test_conv_cfg_reaches_every_layer():
    model = HRNet(SMALL, conv_cfg=dict(type='Conv2dAdaptivePadding'))
    kinds = {type(m).__name__ for m in model.modules() if isinstance(m, nn.Conv2d)}
    assert kinds == {'Conv2dAdaptivePadding'}
    assert len(model(image(64, 64))) == 4


def test_a_config_that_was_given_is_not_changed():
    configs = dict(norm_cfg=dict(type='BN', eps=1e-3), upsample_cfg=dict(BILINEAR))
    before = copy.deepcopy(configs)
    HRNet(SMALL, **configs)(image(64, 64))
    assert configs == before


def test_in_channels():
    assert len(HRNet(SMALL, in_channels=4)(image(64, 64, channels=4))) == 4


@pytest.mark.parametrize('shape', [(3, 64, 64), (2, 4, 64, 64), (2, 3, 64)])
def test_an_input_that_is_no_batch_of_images_is_named(shape):
    with pytest.raises(ValueError, match=r'takes \(N, 3, H, W\)'):
        HRNet(SMALL)(torch.rand(shape))


def test_train_and_eval_return_the_model():
    model = HRNet(SMALL)
    assert model.train() is model
    assert model.eval() is model
    assert not model.training


FROZEN = [
    set(),
    {'conv1', 'conv2', 'bn1', 'bn2'},
    {'layer1', 'transition1'},
    {'stage2', 'transition2'},
    {'stage3', 'transition3'},
    {'stage4'},
]


@pytest.mark.parametrize('frozen_stages', range(-1, 5))
def test_frozen_stages_stay_frozen(frozen_stages):
    model = HRNet(SMALL, frozen_stages=frozen_stages)
    parts = set().union(*FROZEN[: frozen_stages + 2])
    before = copy.deepcopy(model.state_dict())
    model.eval()
    model.train()
    for name, child in model.named_children():
        assert child.training == (name not in parts), name
        assert all(p.requires_grad == (name not in parts) for p in child.parameters())
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad]
        or [nn.Parameter(torch.zeros(1))],
        lr=0.1,
    )
    loss = sum(x.square().mean() for x in model(image(64, 64)))
    if loss.requires_grad:
        loss.backward()
    optimizer.step()
    changed = {
        k.split('.')[0]
        for k, v in model.state_dict().items()
        if not torch.equal(v, before[k])
    }
    assert changed == {name for name, _ in model.named_children()} - parts


@pytest.mark.parametrize('frozen_stages', [-2, 5, 'stem'])
def test_frozen_stages_out_of_range_are_refused(frozen_stages):
    with pytest.raises(ValueError, match='frozen_stages'):
        HRNet(SMALL, frozen_stages=frozen_stages)


def test_norm_eval_keeps_the_statistics():
    model = HRNet(SMALL, norm_eval=True).train()
    assert model.training
    model(image(64, 64))
    assert not any(m.training for m in norms(model))
    assert all(m.num_batches_tracked == 0 for m in norms(model))
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize('with_cp', [True, 'norms'])
@pytest.mark.parametrize('autocast', [False, True])
def test_checkpointing_changes_neither_gradients_nor_statistics(
    with_cp, autocast, randomised
):
    plain = randomised(HRNet(SMALL)).train()
    recomputed = HRNet(SMALL, with_cp=with_cp).train()
    recomputed.load_state_dict(plain.state_dict())
    x = image(64, 64)
    for model in (plain, recomputed):
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            loss = sum(y.square().mean() for y in model(x))
        loss.backward()
    for (k, p), q in zip(
        plain.named_parameters(), recomputed.parameters(), strict=True
    ):
        assert torch.equal(p.grad, q.grad), k
    for k, v in recomputed.state_dict().items():
        assert torch.equal(v, plain.state_dict()[k]), k
    assert {int(m.num_batches_tracked) for m in norms(recomputed)} == {1}


@pytest.mark.parametrize(('with_cp', 'share'), [(True, 0.6), ('norms', 0.9)])
def test_checkpointing_saves_memory_for_backward(with_cp, share):
    def saved(model: nn.Module) -> int:
        kept = {}

        def pack(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            outs = model(image(256, 192))
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        assert outs
        return sum(size for where, size in kept.items() if where not in weights)

    assert saved(HRNet(SMALL, with_cp=with_cp)) < share * saved(HRNet(SMALL))


def test_checkpointing_of_norms_computes_no_convolution_twice():
    operations = []
    for with_cp in (False, 'norms', True):
        model, x = HRNet(SMALL, with_cp=with_cp), image(64, 64)
        with FlopCounterMode(display=False) as counter:
            sum(y.mean() for y in model(x)).backward()
        operations.append(counter.get_total_flops())
    assert operations[0] == operations[1] < operations[2]


def test_an_unknown_checkpointing_is_named():
    with pytest.raises(ValueError, match=r"with_cp='all' is not one of .*'norms'"):
        HRNet(SMALL, with_cp='all')


@pytest.mark.parametrize('zero', [True, False])
def test_zero_init_residual_starts_blocks_as_the_identity(zero):
    model = HRNet(SMALL, zero_init_residual=zero)
    model.init_weights()
    scales = [
        m.last_norm.weight for m in model.modules() if type(m).__name__ == 'BasicBlock'
    ]
    assert all((scale == 0).all() == zero for scale in scales)
    assert (model.layer1[0].last_norm.weight == 0).all() == zero


def test_zero_init_residual_does_not_undo_a_checkpoint(tmp_path, randomised):
    trained = randomised(HRNet(SMALL))
    torch.save(trained.state_dict(), tmp_path / 'trunk.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'trunk.pth'))
    model = HRNet(SMALL, zero_init_residual=True, init_cfg=init_cfg)
    model.init_weights()
    for k, v in trained.state_dict().items():
        assert torch.equal(v, model.state_dict()[k]), k


def test_init_weights_is_kaiming_by_default():
    model = HRNet(SMALL)
    model.init_weights()
    weight = model.stage4[0].branches[3][0].conv1.weight  # 128 channels, 3x3
    assert weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert (model.bn1.weight == 1).all()


def test_torch_fx_traces_it(randomised):
    model = randomised(HRNet(SMALL)).eval()
    traced = torch.fx.symbolic_trace(model)
    for size in ((64, 64), (72, 104)):
        x = image(*size)
        for a, b in zip(model(x), traced(x), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize('upsample_cfg', [dict(mode='nearest'), BILINEAR])
def test_dynamo_captures_one_graph(upsample_cfg, randomised):
    model = randomised(HRNet(SMALL, upsample_cfg=upsample_cfg)).eval()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    x = image(64, 64)
    for a, b in zip(model(x), compiled(x), strict=True):
        assert torch.equal(a, b)


def test_torch_export_captures_it(randomised):
    model = randomised(HRNet(SMALL)).eval()
    x = image(64, 64)
    exported = torch.export.export(model, (x,)).module()
    for a, b in zip(model(x), exported(x), strict=True):
        assert torch.equal(a, b)


def test_it_copies_and_pickles(randomised):
    model = randomised(HRNet(SMALL)).eval()
    x = image(64, 64)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x)[0], model(x)[0])


def test_channels_last_gives_the_same(randomised):
    model = randomised(HRNet(SMALL)).eval()
    x = image(64, 64)
    expected = model(x)
    got = model.to(memory_format=torch.channels_last)(
        x.contiguous(memory_format=torch.channels_last)
    )
    for a, b in zip(expected, got, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_an_image_of_bytes_is_named():
    with pytest.raises(ValueError, match=r'torch\.uint8; it takes floating point'):
        HRNet('w18_small_v1')(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))


def test_weights_without_a_word_on_how_to_load_them_are_refused():
    """As `--cfg-options model.backbone.init_cfg.checkpoint=FILE` of no init_cfg."""
    with pytest.raises(ValueError, match=r'set init_cfg.type=hrnet_mm.Pretrained'):
        HRNet('w18_small_v1', init_cfg=dict(checkpoint='trunk.pth'))


def test_batch_norms_are_not_trained_on_one_pixel():
    x = torch.rand(2, 3, 32, 32)
    trunk = HRNet('w18_small_v1').train()
    assert trunk(x)[3].shape[-2:] == (1, 1)
    with pytest.raises(ValueError, match=r'one image of 32x32.*dataloader\.batch'):
        trunk(x[:1])
    trunk.eval()(x[:1])
    HRNet('w18_small_v1', norm_eval=True).train()(x[:1])
