"""The names of the parameters are a contract: every published checkpoint has them.

Anchors are literal, from the official pose and ImageNet code; a rename
anywhere in the trunk breaks one of them. tests/parity compares every name.
"""

import pytest
import torch

from hrnet_mm.models import HRNet

ANCHORS = {
    'conv1.weight': (64, 3, 3, 3),
    'bn1.running_mean': (64,),
    'bn2.num_batches_tracked': (),
    'layer1.0.conv3.weight': (256, 64, 1, 1),
    'layer1.0.downsample.0.weight': (256, 64, 1, 1),
    'layer1.0.downsample.1.bias': (256,),
    'transition1.0.0.weight': (32, 256, 3, 3),
    'transition1.1.0.0.weight': (64, 256, 3, 3),
    'transition3.3.0.1.weight': (256,),
    'stage2.0.branches.1.3.conv2.weight': (64, 64, 3, 3),
    'stage3.3.fuse_layers.0.2.0.weight': (32, 128, 1, 1),
    'stage4.2.fuse_layers.3.0.0.0.weight': (32, 32, 3, 3),
    'stage4.2.fuse_layers.3.0.2.0.weight': (256, 32, 3, 3),
    'stage4.2.fuse_layers.3.0.2.1.running_var': (256,),
}
ABSENT = ['layer1.1.downsample', 'transition2.0', 'fuse_layers.0.0.', 'stage4.2.3']


@pytest.fixture(scope='module')
def names():
    with torch.device('meta'):
        return {k: tuple(v.shape) for k, v in HRNet('w32').state_dict().items()}


def test_anchors_keep_their_names_and_shapes(names):
    assert {k: names.get(k) for k in ANCHORS} == ANCHORS


def test_paths_without_parameters_have_no_names(names):
    assert [k for k in names for prefix in ABSENT if prefix in k] == []


def test_names_come_in_the_published_order(names):
    first = dict.fromkeys(k.split('.')[0] for k in names)
    assert list(first) == [
        'conv1', 'bn1', 'conv2', 'bn2', 'layer1', 'transition1', 'stage2',
        'transition2', 'stage3', 'transition3', 'stage4',
    ]  # fmt: skip
