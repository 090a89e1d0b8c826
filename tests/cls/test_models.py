"""HRNet-Wx-C equals MMPretrain's; tests/checkpoints compares the official one."""

from __future__ import annotations

from pathlib import Path

import pytest
import stock
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

pytest.importorskip('mmpretrain')

import mmpretrain

from hrnet_mm import HRNet, HRNetC

ROOT = Path(__file__).resolve().parents[2]
STOCK = Path(mmpretrain.__file__).parent / '.mim/configs/hrnet'


def build(path: Path) -> nn.Module:
    cfg = Config.fromfile(str(path)).model
    stock.in_float32(cfg)
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
