"""The representations read off the streams."""

import pytest
import torch
import torch.nn.functional as F

from hrnet_mm.models import HRNet, HRNetV1, HRNetV2

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


@pytest.mark.parametrize('neck', [HRNetV1(), HRNetV2()])
@pytest.mark.parametrize('wrong', [STREAMS[0], (), None])
def test_what_is_no_tuple_of_streams_is_named(neck, wrong):
    with pytest.raises(ValueError, match='takes the tuple of streams'):
        neck(wrong)


def test_necks_have_no_parameters():
    assert not HRNetV1().state_dict()
    assert not HRNetV2().state_dict()
