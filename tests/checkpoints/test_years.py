"""Files as the code of each year wrote them, with what it stored among the weights."""

from __future__ import annotations

import official
import pytest
import torch
from torch import Tensor

from hrnet_mm import HRNet
from hrnet_mm.checkpoints import CheckpointError, checkpoint, convert, read

State = dict[str, Tensor]
TRUNK = {f'backbone.{k}': v for k, v in official.Pose().state_dict().items()}
JOINTS = {k: TRUNK.pop(k) for k in list(TRUNK) if k.startswith('backbone.final_layer')}
# of HRNetV2: all four streams leave the last exchange
STREAMS = {f'backbone.{k}': v for k, v in official.Trunk().state_dict().items()}


def pose(head: str) -> State:
    layers = {k.replace('backbone', head): v for k, v in JOINTS.items()}
    return {**TRUNK, **layers}


def layers(*names: str) -> State:
    return {f'{name}.weight': torch.rand(4, 4) for name in names}


SEGMENTOR = {**STREAMS, **layers('decode_head.conv_seg', 'auxiliary_head.conv_seg')}
DETECTOR = {
    **STREAMS,
    **layers(
        'neck.reduction_conv.conv',
        'neck.fpn_convs.0.conv',
        'rpn_head.rpn_conv',
        'roi_head.bbox_head.fc_cls',
        'roi_head.mask_head.conv_logits',
    ),
}
CLASSIFIER = {**STREAMS, **layers('neck.0.final_layer.conv', 'head.fc')}
# mmengine 0.1, September 2022
STATISTICS = {
    'data_preprocessor.mean': torch.rand(3, 1, 1),
    'data_preprocessor.std': torch.rand(3, 1, 1),
}


def without_counters(state: State) -> State:
    """Torch 0.4 had none."""
    return {k: v for k, v in state.items() if not k.endswith('num_batches_tracked')}


def averaged(state: State) -> State:
    """EMAHook of mmcv 1, and that of mmdet 2."""
    return {**state, **{f'ema_{k.replace(".", "_")}': v for k, v in state.items()}}


def prefixed(state: State, prefix: str) -> State:
    return {f'{prefix}{k}': v for k, v in state.items()}


def compiled_trunk(state: State) -> State:
    return {k.replace('backbone.', 'backbone._orig_mod.'): v for k, v in state.items()}


def taught(state: State, teacher: State) -> State:
    return prefixed(state, 'student.') | prefixed(teacher, 'teacher.')


HEADS = ('neck.', 'head.', 'decode_head.', 'auxiliary_head.', 'rpn_head.', 'roi_head.')

OLD = dict(epoch=210, time='Mon', mmcv_version='1.1.5', config='model = dict()')
NEW = dict(epoch=210, mmengine_version='0.10.7', cfg='', seed=0, hook_msgs={})
FILES = {
    'mmpose 0.14': ('mmpose 0.x', pose('keypoint_head'), OLD | dict(CLASSES=None)),
    'mmpose 0.29': ('mmpose 0.x', averaged(pose('keypoint_head')), OLD),
    'mmpose 1.0rc0': ('mmpose', pose('head') | STATISTICS, NEW),
    'mmpose 1.3': ('mmpose', pose('head'), NEW | dict(dataset_meta={})),
    'mmseg 0.11': ('mmseg', SEGMENTOR, OLD | dict(CLASSES=('a', 'b'), PALETTE=[[1]])),
    'mmseg 1.0rc0': ('mmseg', SEGMENTOR | STATISTICS, NEW),
    'mmdet 2.3': ('mmdet', without_counters(DETECTOR), OLD | dict(CLASSES=('a',))),
    'mmdet 2.20 with EMA': ('mmdet', averaged(DETECTOR), OLD),
    'mmdet 3.0rc0': ('mmdet', DETECTOR | STATISTICS, NEW),
    'mmcls 0.15': ('mmpretrain', CLASSIFIER, OLD | dict(CLASSES=['a', 'b'])),
    'mmcls 1.0rc0': ('mmpretrain', CLASSIFIER | STATISTICS, NEW),
    'torch.compile': ('mmpose', prefixed(pose('head'), '_orig_mod.'), NEW),
    'compiled under DDP': ('mmpose', prefixed(pose('head'), 'module._orig_mod.'), NEW),
    'a compiled trunk': ('mmpose', compiled_trunk(pose('head')), NEW),
    'Lightning': ('mmseg', prefixed(SEGMENTOR, 'net.'), {}),
    'SoftTeacher': ('mmdet', taught(averaged(DETECTOR), DETECTOR), NEW),
    'DWPose': ('mmpose', taught(pose('head'), SEGMENTOR), NEW),
}  # fmt: skip


@pytest.mark.parametrize('year', FILES)
def test_the_weights_of_each_year_are_read_converted_and_trained_from(year, tmp_path):
    family, state, meta = FILES[year]
    optimizer = dict(state={}, param_groups=[])
    path, converted = tmp_path / 'weights.pth', tmp_path / 'converted.pth'
    torch.save(dict(meta=meta, state_dict=state, optimizer=optimizer), path)
    trunk = TRUNK if family.startswith('mmpose') else STREAMS

    found = read(path)
    assert found.family.name == family
    assert all(key.startswith(('backbone.', *HEADS)) for key in found.tensors)
    for key, value in trunk.items():
        if not key.endswith('num_batches_tracked'):
            assert torch.equal(found.tensors[key], value)

    convert(path, converted, 'official')
    assert read(converted).family.library == 'official'

    init_cfg = dict(type='hrnet_mm.Pretrained', checkpoint=str(path))
    model = HRNet('w18_small_v1', multiscale_output=trunk is STREAMS, init_cfg=init_cfg)
    model.init_weights()
    assert torch.equal(model.conv1.weight, trunk['backbone.conv1.weight'])


def test_the_average_predicts_and_the_teacher_of_another_shape_does_not(tmp_path):
    average = {name: value + 1 for name, value in pose('head').items()}
    torch.save(taught(pose('head'), average), tmp_path / 'mean.pth')
    torch.save(taught(pose('head'), SEGMENTOR), tmp_path / 'distilled.pth')
    name = 'backbone.conv1.weight'
    assert torch.equal(read(tmp_path / 'mean.pth').tensors[name], average[name])
    assert torch.equal(read(tmp_path / 'distilled.pth').tensors[name], TRUNK[name])


@pytest.mark.parametrize('container', checkpoint.CONTAINERS)
def test_what_trainers_call_a_state_dict(container, tmp_path):
    torch.save({'epoch': 3, container: pose('head')}, tmp_path / 'x.pth')
    assert read(tmp_path / 'x.pth').family.name == 'mmpose'


def test_the_counters_of_thop(tmp_path):
    counters = {
        'total_ops': torch.zeros(1),
        'backbone.layer1.total_ops': torch.zeros(1),
    }
    torch.save(pose('head') | counters, tmp_path / 'x.pth')
    found = read(tmp_path / 'x.pth')
    assert found.family.name == 'mmpose'
    assert set(found.unused) == set(counters)


def test_layers_that_are_no_trunk_are_still_refused(tmp_path):
    """Not all that stands beside is of no use."""
    torch.save(prefixed(TRUNK, 'encoder.') | layers('decoder.0'), tmp_path / 'x.pth')
    with pytest.raises(
        CheckpointError, match=r"init_cfg\.prefix='encoder\.backbone\.'"
    ):
        read(tmp_path / 'x.pth')
