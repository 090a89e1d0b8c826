"""What computes in channels_last, and what keeps the default layout."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from mmcv import ops
from mmcv.cnn import ConvWS2d
from torch import Tensor, nn

from hrnet_mm import HRNet
from hrnet_mm.models.layout import to_channels_last

LAST = dict(memory_format=torch.channels_last)
IMAGE = (2, 8, 16, 20)
OFFSETS = (2, 18, 16, 20)


class SomebodysHead(nn.Module):
    """Reads memory, as ``view`` and compiled operators do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, 4, 1)

    def forward(self, streams: tuple[Tensor, ...]) -> Tensor:
        assert all(stream.is_contiguous() for stream in streams)
        return self.conv(streams[0]).view(-1)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = HRNet('w18_small_v1')
        self.head = SomebodysHead()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def test_a_head_that_is_not_known_keeps_the_default_layout(randomised):
    model = randomised(Model()).eval()
    x = torch.rand(1, 3, 64, 64)
    wanted = model(x)
    to_channels_last(model)
    assert model.backbone.layer1[0].conv2.weight.is_contiguous(**LAST)
    assert model.head.conv.weight.is_contiguous()
    torch.testing.assert_close(model(x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('make', 'shapes'),
    [
        (lambda: ops.DeformConv2d(8, 8, 3, padding=1), [IMAGE, OFFSETS]),
        (lambda: ops.DeformConv2dPack(8, 8, 3, padding=1), [IMAGE]),
        (
            lambda: ops.ModulatedDeformConv2d(8, 8, 3, padding=1),
            [IMAGE, OFFSETS, (2, 9, 16, 20)],
        ),
        (lambda: ops.ModulatedDeformConv2dPack(8, 8, 3, padding=1), [IMAGE]),
        (lambda: ops.CARAFEPack(8, 2), [IMAGE]),
        (lambda: ConvWS2d(8, 8, 3), [IMAGE]),
    ],
)
def test_operators_and_other_convolutions_compute_the_same(make, shapes):
    torch.manual_seed(0)
    module = make()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.1)
    other = deepcopy(module)
    to_channels_last(nn.Sequential(other))
    inputs = [torch.randn(shape) for shape in shapes]
    turned = [x.contiguous(**LAST) for x in inputs]
    wanted, got = module(*inputs), other(*turned)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    assert all(p.is_contiguous() for p in other.parameters())


def test_offsets_of_keypoints_are_mirrored():
    """MMPose views the output of its head as a heat map and two maps of offsets."""
    pytest.importorskip('mmpose')
    from mmpose.models.heads import HeatmapHead
    from mmpose.models.utils.tta import flip_heatmaps

    loss = dict(type='mmpose.KeypointMSELoss')  # in any default scope
    head = HeatmapHead(16, 6, deconv_out_channels=None, loss=loss)
    stock, x = deepcopy(head), torch.rand(1, 16, 8, 6)
    to_channels_last(nn.Sequential(head))
    mirror = dict(flip_mode='udp_combined', flip_indices=[1, 0])
    with torch.no_grad():
        got, wanted = (flip_heatmaps(it((x,)), **mirror) for it in (head, stock))
    torch.testing.assert_close(got, wanted)
