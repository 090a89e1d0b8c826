"""What a network costs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hrnet_mm import HRNet
from hrnet_mm.profiling import build_subject, count_macs, measure, parts, profile

ROOT = Path(__file__).resolve().parents[2]


def cost(module: nn.Module, *shape: int):
    layers = measure(module, lambda: module(torch.empty(shape)))
    return layers.get('', layers)


@pytest.mark.parametrize(
    ('layer', 'shape', 'macs', 'activations'),
    [
        (nn.Conv2d(3, 8, 3, stride=2, padding=1), (1, 3, 8, 6), 3 * 8 * 9 * 12, 96),
        (nn.Conv2d(4, 8, 3, padding=1, groups=4), (1, 4, 5, 5), 8 * 9 * 25, 200),
        (nn.ConvTranspose2d(4, 2, 4, 2, 1), (1, 4, 3, 3), 4 * 2 * 16 * 9, 72),
        (nn.Linear(6, 5), (1, 6), 30, 5),
        (nn.Linear(6, 5), (1, 7, 6), 210, 35),
    ],
    ids=['strided', 'groups', 'transposed', 'linear', 'linear of a sequence'],
)
def test_a_weight_counts_once_for_each_place_where_it_is_used(
    layer, shape, macs, activations
):
    found = cost(layer, *shape)
    assert (found.macs, found.activations) == (macs, activations)
    assert found.parameters == sum(p.numel() for p in layer.parameters())


def test_a_layer_that_runs_twice_counts_twice_and_its_weights_once():
    conv = nn.Conv2d(2, 2, 1)
    layers = cost(nn.Sequential(conv, nn.BatchNorm2d(2), conv), 1, 2, 4, 4)
    assert sum(layer.parameters for layer in layers.values()) == 6 + 4
    assert sum(layer.macs for layer in layers.values()) == 2 * 4 * 16


def test_a_batch_costs_what_torch_counts():
    trunk, x = HRNet('w18_small_v1').eval(), torch.rand(2, 3, 64, 96)
    with FlopCounterMode(display=False) as counter:
        trunk(x)
    flops = 2 * count_macs(trunk, lambda: trunk(x))
    assert flops == counter.get_total_flops()


def test_the_parts_of_a_trunk_are_all_of_it():
    trunk = HRNet('w18_small_v1').eval()
    layers = measure(trunk, lambda: trunk(torch.empty(1, 3, 64, 96)))
    found = parts(layers, height=64)
    assert sum(p.parameters for p in found) == sum(
        p.numel() for p in trunk.parameters()
    )
    names = {part.name for part in found}
    assert names == {'stem', 'stage 1', 'stage 2', 'stage 3', 'stage 4'}
    streams = [p for p in found if p.name == 'stage 4' and p.stride]
    assert [p.stride for p in streams] == [4, 8, 16, 32]
    assert tuple(p.channels for p in streams) == trunk.out_channels


def test_all_streams_of_a_stage_cost_the_same():
    """A stream is half as large and has twice the channels of the one before."""
    found = profile('w18_small_v1', (64, 64))
    streams = [p['macs'] for p in found['parts'] if p['detail'].startswith('stream')]
    assert (
        len(set(streams[1:3])) == len(set(streams[3:6])) == len(set(streams[6:])) == 1
    )


STOCK = [
    (
        'mmpose',
        'body_2d_keypoint/**/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
        (256, 192),
    ),
    ('mmseg', 'ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py', (512, 1024)),
    ('mmdet', 'hrnet/fcos_hrnetv2p-w18-gn-head_4xb4-1x_coco.py', (800, 1216)),
    ('mmdet', 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', (800, 1216)),
    ('mmpretrain', 'hrnet/hrnet-w18_4xb32_in1k.py', (224, 224)),
]


@pytest.mark.parametrize(('library', 'pattern', 'size'), STOCK)
def test_configs_of_all_libraries_are_measured(library, pattern, size):
    module = pytest.importorskip(library)
    (path,) = (Path(module.__file__).parent / '.mim/configs').glob(pattern)
    found = profile(str(path))
    assert tuple(found['image']) == size
    assert found['total']['macs'] > 1e9
    names = {part['name'] for part in found['parts']}
    assert ('stage 4' in names) == ('hr' in path.stem.removesuffix('_r50'))


@pytest.mark.parametrize(
    ('config', 'size'),
    [
        ('pose/hrnet_w18_small_v1_tiny-pose.py', None),
        ('seg/hrnetv2_w18_small_v1_tiny-seg.py', (160, 192)),
        ('cls/hrnetc_w18_small_v1_tiny-cls.py', None),
        ('hrnet_w48_coco.py', (256, 192)),
    ],
)
def test_the_image_is_that_of_the_config(config, size):
    found = build_subject(str(ROOT / 'configs' / config))
    assert size is None or found.size == size
    assert min(found.size) >= 32


def test_another_size_is_taken():
    small, large = (profile('w18_small_v1', size) for size in ((64, 64), (128, 128)))
    assert large['total']['macs'] == 4 * small['total']['macs']
    assert large['total']['parameters'] == small['total']['parameters']


def test_what_is_neither_config_nor_arch_is_refused():
    with pytest.raises(
        ValueError, match=r"w49 is neither a config file .* archs \['w18_small"
    ):
        build_subject('w49')
