"""HRNet-Wx-C is MMPretrain's and the official one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

pytest.importorskip('mmpretrain')

import mmpretrain

from hrnet_mm import HRNet, HRNetC

ROOT = Path(__file__).resolve().parents[2]
STOCK = Path(mmpretrain.__file__).parent / '.mim/configs/hrnet'


def build(path: Path) -> nn.Module:
    cfg = Config.fromfile(str(path)).model
    init_default_scope('mmpretrain')
    return MODELS.build(cfg)


@pytest.mark.parametrize('width', [18, 30, 32, 40, 44, 48, 64])
def test_the_names_and_shapes_are_mmpretrain_s(width):
    paths = (
        ROOT / f'configs/cls/hrnetc_w{width}_imagenet.py',
        STOCK / f'hrnet-w{width}_4xb32_in1k.py',
    )
    with torch.device('meta'):
        ours, theirs = (
            {n: v.shape for n, v in build(p).state_dict().items()} for p in paths
        )
    assert [*ours] == [*theirs]
    assert ours == theirs


def test_logits_and_gradients_are_mmpretrain_s(randomised):
    theirs = randomised(build(STOCK / 'hrnet-w18_4xb32_in1k.py'))
    ours = build(ROOT / 'configs/cls/hrnetc_w18_imagenet.py')
    ours.load_state_dict(theirs.state_dict(), strict=True)
    image = torch.rand(2, 3, 64, 96)
    results = []
    for model in (theirs, ours):
        outputs = {}
        for mode in (True, False):
            for part in (model.backbone, model.neck, model.head):
                part.train(mode)  # of HRNet in MMPretrain returns None
            outputs[mode] = model(image, mode='tensor')
        model.zero_grad()
        outputs[True].square().sum().backward()
        grads = [p.grad for _, p in sorted(model.named_parameters())]
        results.append([outputs[True], outputs[False], *grads])
    for wanted, got in zip(*results, strict=True):
        assert (got - wanted).norm() <= 1e-5 * wanted.norm()


class Official(nn.Module):
    """The head of HRNet-Image-Classification, by its names; all convs but those of
    the bottlenecks have a bias (cls_hrnet.py, `_make_head`)."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()

        def conv(i, o, k, stride=1, bias=True):
            return nn.Conv2d(i, o, k, stride, k // 2, bias=bias)

        def bottleneck(i, planes):
            block = nn.Module()
            widths = [(i, planes, 1), (planes, planes, 3), (planes, 4 * planes, 1)]
            for n, (a, b, k) in enumerate(widths, start=1):
                block.add_module(f'conv{n}', conv(a, b, k, bias=False))
                block.add_module(f'bn{n}', nn.BatchNorm2d(b))
            block.downsample = nn.Sequential(
                conv(i, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
            )
            return nn.Sequential(block)

        def step(i, o, k, stride):
            return nn.Sequential(conv(i, o, k, stride), nn.BatchNorm2d(o), nn.ReLU())

        planes = [32, 64, 128, 256]
        self.incre_modules = nn.ModuleList(map(bottleneck, channels, planes))
        self.downsamp_modules = nn.ModuleList(
            step(4 * p, 8 * p, 3, 2) for p in planes[:-1]
        )
        self.final_layer = step(1024, 2048, 1, 1)

    def forward(self, xs: list[Tensor]) -> Tensor:
        def widened(sequence, x):
            b = sequence[0]
            y = b.bn1(b.conv1(x)).relu()
            y = b.bn3(b.conv3(b.bn2(b.conv2(y)).relu()))
            return (y + b.downsample(x)).relu()

        y = widened(self.incre_modules[0], xs[0])
        for i, down in enumerate(self.downsamp_modules, start=1):
            y = widened(self.incre_modules[i], xs[i]) + down(y)
        return self.final_layer(y)


def renamed(name: str) -> str:
    """As MMPretrain calls it (parity.md 1.4)."""
    for old, new in (
        ('incre_modules', 'increase_layers'),
        ('downsamp_modules', 'downsample_layers'),
    ):
        name = name.replace(old, new)
    parts = name.split('.')
    if parts[0] != 'increase_layers':
        parts[-2] = {'0': 'conv', '1': 'bn'}[parts[-2]]
    return '.'.join(parts)


@pytest.mark.parametrize('bias', [True, False])
def test_the_head_is_the_official_one(bias, randomised):
    """With its biases, or with them folded into the norms behind them."""
    channels = [16, 32, 64, 128]
    theirs = randomised(Official(channels)).eval()
    state = {renamed(name): value for name, value in theirs.state_dict().items()}
    ours = HRNetC(channels, bias=bias).eval()
    if not bias:
        for name in [n for n in state if n.endswith('conv.bias')]:
            norm = name.removesuffix('conv.bias') + 'bn.running_mean'
            state[norm] = state[norm] - state.pop(name)
    ours.load_state_dict(state, strict=True)
    streams = [torch.rand(2, c, 16 >> b, 24 >> b) for b, c in enumerate(channels)]
    wanted, (got,) = theirs(streams), ours(streams)
    assert (got - wanted).norm() <= 1e-5 * wanted.norm()


@pytest.mark.parametrize('size', [(1, 1), (33, 65), (72, 104)])
def test_images_of_any_size(size):
    trunk = HRNet('w18_small_v1').eval()
    (x,) = HRNetC(trunk.out_channels, 64).eval()(trunk(torch.rand(1, 3, *size)))
    assert x.shape == (1, 64, -(-size[0] // 32), -(-size[1] // 32))


def test_norms_and_recomputation_reach_every_layer():
    """MMPretrain's bottlenecks ignore ``norm_cfg``."""
    neck = HRNetC(
        [4, 8, 16, 32], 64, norm_cfg=dict(type='GN', num_groups=4), with_cp=True
    )
    assert not any(isinstance(m, nn.BatchNorm2d) for m in neck.modules())
    streams = [
        torch.rand(1, 4 << b, 16 >> b, 16 >> b, requires_grad=True) for b in range(4)
    ]
    neck(streams)[0].sum().backward()
    assert all(x.grad is not None for x in streams)


def test_streams_of_another_width_are_refused():
    with pytest.raises(
        ValueError, match=r'HRNetC was built for .* it got \[4, 8, 16, 32\]'
    ):
        HRNetC([18, 36, 72, 144])([torch.rand(1, 4 << b, 8, 8) for b in range(4)])
