"""The representations read off the streams."""

import pytest
import torch
import torch.nn.functional as F

from hrnet_mm.models import HRNet, HRNetV1, HRNetV2, HRNetV2p

STREAMS = tuple(torch.rand(2, 4 * 2**b, 16 >> b, 24 >> b) for b in range(4))


def test_v1_is_a_tuple_of_stream_0():
    (x,) = HRNetV1()(STREAMS)
    assert x is STREAMS[0]


def test_v1_gives_mmpose_heads_stride_4():
    streams = HRNet('w18_small_v1')(torch.rand(2, 3, 64, 64))
    feats = HRNetV1()(streams)
    assert feats[-1].shape == (2, 16, 16, 16)  # heads read the last entry


@pytest.mark.parametrize('align_corners', [False, True])
def test_v2_is_all_streams_at_a_quarter_concatenated(align_corners):
    (x,) = HRNetV2(align_corners)(STREAMS)
    assert x.shape == (2, 4 * 15, 16, 24)
    last = F.interpolate(
        STREAMS[3], size=(16, 24), mode='bilinear', align_corners=align_corners
    )
    assert torch.equal(x[:, :4], STREAMS[0])
    assert torch.equal(x[:, -32:], last)


def test_v2_takes_streams_of_any_size():
    streams = HRNet('w18_small_v1')(torch.rand(2, 3, 72, 104))
    assert HRNetV2()(streams)[0].shape == (2, 240, 18, 26)


@pytest.mark.parametrize('neck', [HRNetV1(), HRNetV2(), HRNetV2p([4, 8, 16, 32])])
@pytest.mark.parametrize('wrong', [STREAMS[0], (), None])
def test_what_is_no_tuple_of_streams_is_named(neck, wrong):
    with pytest.raises(ValueError, match='takes the tuple of streams'):
        neck(wrong)


def test_v1_and_v2_have_no_parameters():
    assert not HRNetV1().state_dict()
    assert not HRNetV2().state_dict()


def test_v2p_is_a_pyramid_of_one_width():
    levels = HRNetV2p([4, 8, 16, 32], 6)(STREAMS)
    sizes = [(16, 24), (8, 12), (4, 6), (2, 3), (1, 1)]
    assert [x.shape for x in levels] == [(2, 6, *size) for size in sizes]


@pytest.mark.parametrize(('num_outs', 'stride'), [(5, 1), (5, 2), (3, 1), (1, 1)])
def test_v2p_and_its_gradients_are_mmdet_s(num_outs, stride):
    mmdet = pytest.importorskip('mmdet.models.necks.hrfpn')
    theirs = mmdet.HRFPN([4, 8, 16, 32], 6, num_outs=num_outs, stride=stride)
    theirs.init_weights()
    ours = HRNetV2p([4, 8, 16, 32], 6, num_outs, stride=stride)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    streams = [torch.rand(1, 4 * 2**b, 32 >> b, 48 >> b) for b in range(4)]
    results = []
    for neck in (theirs, ours):
        xs = [x.clone().requires_grad_() for x in streams]
        outs = neck(xs)
        sum((out**2).sum() for out in outs).backward()
        weights = [p.grad for p in neck.parameters()]
        results.append([*outs, *(x.grad for x in xs), *weights])
    for wanted, got in zip(*results, strict=True):
        assert (got - wanted).norm() <= 1e-5 * wanted.norm()


@pytest.mark.parametrize('size', [(1, 1), (4, 4), (33, 65), (72, 104)])
def test_v2p_takes_images_of_any_size(size):
    """MMDetection's stops at what 32 does not divide, and below 64 pixels."""
    trunk = HRNet('w18_small_v1').eval()
    levels = HRNetV2p(trunk.out_channels, 8, num_outs=6)(trunk(torch.rand(1, 3, *size)))
    height, width = ((n + 3) // 4 for n in size)
    for i, level in enumerate(levels):
        assert level.shape[-2:] == (max(height >> i, 1), max(width >> i, 1))


def test_v2p_norms_its_levels():
    """MMDetection's HRFPN takes ``norm_cfg`` and ignores it."""
    neck = HRNetV2p([4, 8, 16, 32], 6, 2, norm_cfg=dict(type='GN', num_groups=2))
    norms = [m for m in neck.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert len(norms) == 3
    level, _ = neck(STREAMS)
    groups = level.reshape(2, 2, -1)
    torch.testing.assert_close(groups.mean(2), torch.zeros(2, 2), rtol=0, atol=1e-5)


def test_v2p_recomputes_to_the_same_gradients():
    neck = HRNetV2p([4, 8, 16, 32], 6, 3, norm_cfg=dict(type='BN'))
    again = HRNetV2p([4, 8, 16, 32], 6, 3, norm_cfg=dict(type='BN'), with_cp=True)
    again.load_state_dict(neck.state_dict())
    for module in (neck, again):
        sum((out**2).sum() for out in module(STREAMS)).backward()
    for a, b in zip(neck.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    steps = [m.num_batches_tracked for m in again.modules() if hasattr(m, 'momentum')]
    assert steps == [1] * 4  # the second run is no other batch


def test_v2p_refuses_streams_of_another_trunk():
    with pytest.raises(ValueError, match=r'=\[18, 36\], it got \[4, 8, 16, 32'):
        HRNetV2p([18, 36])(STREAMS)
