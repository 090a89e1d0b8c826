import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hrnet_mm.models.layers import BasicBlock, Layers
from hrnet_mm.models.norms import FOLD, folded_norms

CPU = torch.device('cpu')
SHAPE = (2, 18, 80, 72)  # more than 200,000 values


def channels_last(dtype=torch.float32, shape=SHAPE):
    x = torch.randn(shape).mul(2).add(3).to(dtype)
    return x.contiguous(memory_format=torch.channels_last).requires_grad_()


def norm_and_gradients(x, grad, training):
    norm = nn.BatchNorm2d(x.shape[1]).train(training)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, x.shape[1]))
        norm.running_mean.fill_(2)
        norm.running_var.fill_(3)
    x.grad = None
    y = norm(x)
    # operators that change their input follow each norm
    F.relu(y, inplace=True).backward(grad)
    return (y.detach(), x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers())


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.bfloat16, 2**-8)]
)
def test_values_and_gradients_are_those_of_pytorch(training, dtype, tolerance):
    torch.manual_seed(0)
    x, grad = channels_last(dtype), torch.randn(SHAPE).to(dtype)
    stock = norm_and_gradients(x, grad, training)
    with folded_norms(CPU):
        folded = norm_and_gradients(x, grad, training)
    for ours, theirs in zip(folded, stock, strict=True):
        error = (ours.double() - theirs.double()).abs().max()
        assert error <= tolerance * theirs.abs().max()


def kind_of(x, norm):
    with folded_norms(CPU):
        return type(norm(x).grad_fn).__name__


def test_only_norms_that_gain_are_folded():
    contiguous = torch.randn(SHAPE, requires_grad=True)
    whole_vectors = channels_last(shape=(2, 8 * FOLD, 80, 72))
    small = channels_last(shape=(2, 18, 16, 16))
    odd = channels_last(shape=(1, 18, 109, 109))  # no multiple of FOLD pixels
    folded = '_FoldedNormBackward'
    assert kind_of(channels_last(), nn.BatchNorm2d(18)) == folded
    for x in (contiguous, whole_vectors, small, odd):
        assert kind_of(x, nn.BatchNorm2d(x.shape[1])) != folded
    for settings in (dict(affine=False), dict(track_running_stats=False)):
        assert kind_of(channels_last(), nn.BatchNorm2d(18, **settings)) != folded
    with torch.no_grad():
        assert kind_of(channels_last(), nn.BatchNorm2d(18)) == 'NoneType'


@pytest.mark.parametrize('with_cp', [True, 'norms'])
def test_recomputed_norms_are_folded_as_well(with_cp):
    x = channels_last()
    gradients = []
    for recompute in (False, with_cp):
        torch.manual_seed(0)
        layers = Layers(None, dict(type='BN'), {}, recompute)
        block = BasicBlock(18, 18, layers).to(memory_format=torch.channels_last)
        with folded_norms(CPU):
            block(x).square().mean().backward()
        gradients.append([p.grad for p in block.parameters()] + list(block.buffers()))
    for ours, plain in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-6)
